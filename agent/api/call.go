package api

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/meseta/meseta/agent"
	"github.com/meseta/meseta/gen/agentv1"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/fault"
	"github.com/meseta/meseta/internal/httpx"
	"github.com/meseta/meseta/internal/mesosjson"
	"github.com/meseta/meseta/internal/recordio"
)

// Headers of the messages within streams.
const (
	messageContentType = "Message-Content-Type"
	messageAccept      = "Message-Accept"
)

// call serves POST /api/v1. The order of the checks is that of Mesos.
func (s *Server) call(w http.ResponseWriter, r *http.Request) {
	view, err := s.view(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	call, err := s.decode(w, r)
	if err == nil {
		err = validate(call)
	}
	if err == nil {
		err = acceptable(r, call)
	}
	if err == nil {
		var response any
		if response, err = s.answer(r, view, call); err == nil && response != nil {
			err = httpx.WriteJSON(w, r, response)
		}
	}
	if err != nil {
		s.fail(w, r, err)
	}
}

func refuse(status int, format string, args ...any) error {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

// decode reads the call out of the body.
func (s *Server) decode(w http.ResponseWriter, r *http.Request) (*agentv1.Call, error) {
	media, status, text := httpx.ContentType(r.Header, httpx.JSON, httpx.Protobuf, httpx.RecordIO)
	if status != 0 {
		return nil, refuse(status, "%s", text)
	}
	inner, streaming := r.Header.Get(messageContentType), media == httpx.RecordIO
	switch {
	case streaming && inner == "":
		return nil, refuse(http.StatusBadRequest, "Expecting 'Message-Content-Type' to be set for streaming requests")
	case streaming && inner != httpx.JSON && inner != httpx.Protobuf:
		return nil, refuse(http.StatusUnsupportedMediaType, "Expecting 'Message-Content-Type' of application/json or application/x-protobuf")
	case !streaming && inner != "":
		return nil, refuse(http.StatusUnsupportedMediaType, "Expecting 'Message-Content-Type' to be not set for non-streaming requests")
	case media == httpx.Protobuf || inner == httpx.Protobuf:
		return nil, refuse(http.StatusUnsupportedMediaType, "application/x-protobuf is not supported yet; use application/json")
	}
	body, err := httpx.ReadBody(w, r, s.opts.BodyLimits)
	if err != nil {
		return nil, err
	}
	if streaming {
		if body, err = recordio.NewReader(bytes.NewReader(body), 0).Next(); err != nil {
			return nil, refuse(http.StatusBadRequest, "Received EOF while reading request body")
		}
	}
	call, err := s.calls.Decode(body)
	if e, ok := errors.AsType[*mesosjson.Error](err); ok {
		return nil, refuse(http.StatusBadRequest, "%s", e.BodyText(""))
	}
	return call, err
}

// validate checks that the member named by the type is there.
func validate(call *agentv1.Call) error {
	missing := func(name string, present bool) error {
		if present {
			return nil
		}
		return refuse(http.StatusBadRequest, "Failed to validate agent::Call: Expecting '%s' to be present", name)
	}
	switch call.Type {
	case "":
		return missing("type", false)
	case agentv1.CallTypeGetMetrics:
		return missing("get_metrics", call.GetMetrics != nil)
	case agentv1.CallTypeSetLoggingLevel:
		return missing("set_logging_level", call.SetLoggingLevel != nil)
	case agentv1.CallTypeListFiles:
		return missing("list_files", call.ListFiles != nil)
	case agentv1.CallTypeReadFile:
		return missing("read_file", call.ReadFile != nil)
	case agentv1.CallTypeLaunchNestedContainer:
		return missing("launch_nested_container", call.LaunchNestedContainer != nil)
	case agentv1.CallTypeWaitNestedContainer:
		return missing("wait_nested_container", call.WaitNestedContainer != nil)
	case agentv1.CallTypeKillNestedContainer:
		return missing("kill_nested_container", call.KillNestedContainer != nil)
	case agentv1.CallTypeRemoveNestedContainer:
		return missing("remove_nested_container", call.RemoveNestedContainer != nil)
	case agentv1.CallTypeLaunchNestedContainerSession:
		return missing("launch_nested_container_session", call.LaunchNestedContainerSession != nil)
	case agentv1.CallTypeAttachContainerInput:
		if call.AttachContainerInput != nil {
			return missing("attach_container_input.type", call.AttachContainerInput.Type != nil)
		}
		return missing("attach_container_input", false)
	case agentv1.CallTypeAttachContainerOutput:
		return missing("attach_container_output", call.AttachContainerOutput != nil)
	case agentv1.CallTypeLaunchContainer:
		return missing("launch_container", call.LaunchContainer != nil)
	case agentv1.CallTypeWaitContainer:
		return missing("wait_container", call.WaitContainer != nil)
	case agentv1.CallTypeKillContainer:
		return missing("kill_container", call.KillContainer != nil)
	case agentv1.CallTypeRemoveContainer:
		return missing("remove_container", call.RemoveContainer != nil)
	case agentv1.CallTypeAddResourceProviderConfig:
		return missing("add_resource_provider_config", call.AddResourceProviderConfig != nil)
	case agentv1.CallTypeUpdateResourceProviderConfig:
		return missing("update_resource_provider_config", call.UpdateResourceProviderConfig != nil)
	case agentv1.CallTypeRemoveResourceProviderConfig:
		return missing("remove_resource_provider_config", call.RemoveResourceProviderConfig != nil)
	case agentv1.CallTypeMarkResourceProviderGone:
		return missing("mark_resource_provider_gone", call.MarkResourceProviderGone != nil)
	}
	return nil
}

// acceptable checks that the client takes an answer in JSON.
func acceptable(r *http.Request, call *agentv1.Call) error {
	media, ok := httpx.Negotiate(r.Header, httpx.JSON, httpx.Protobuf, httpx.RecordIO)
	switch {
	case !ok:
		return refuse(http.StatusNotAcceptable, "Expecting 'Accept' to allow application/json or application/x-protobuf or application/recordio")
	case media == httpx.RecordIO:
		return refuse(http.StatusNotAcceptable, "Streaming response is not supported for %s call", call.Type)
	case len(r.Header.Values(messageAccept)) > 0:
		return refuse(http.StatusNotAcceptable, "Expecting 'Message-Accept' to be not set for non-streaming responses")
	case media == httpx.Protobuf:
		return refuse(http.StatusNotAcceptable, "application/x-protobuf is not supported yet; accept application/json")
	}
	return nil
}

// answer carries out a call. A nil answer is an empty body.
func (s *Server) answer(r *http.Request, v *agent.View, call *agentv1.Call) (any, error) {
	response := &agentv1.Response{Type: agentv1.ResponseType(call.Type)}
	var err error
	switch call.Type {
	case agentv1.CallTypeGetHealth:
		response.GetHealth = &agentv1.ResponseGetHealth{Healthy: true}
	case agentv1.CallTypeGetFlags:
		response.GetFlags = s.flagsV1()
	case agentv1.CallTypeGetVersion:
		response.GetVersion = &agentv1.ResponseGetVersion{VersionInfo: s.build.v1()}
	case agentv1.CallTypeGetMetrics:
		response.GetMetrics = s.metricsV1(v)
	case agentv1.CallTypeGetLoggingLevel:
		response.GetLoggingLevel = &agentv1.ResponseGetLoggingLevel{Level: s.opts.Verbosity.Get()}
	case agentv1.CallTypeSetLoggingLevel:
		set := call.SetLoggingLevel
		s.opts.Verbosity.Set(set.Level, time.Duration(set.Duration.Nanoseconds))
		return nil, nil
	case agentv1.CallTypeListFiles:
		response.ListFiles, err = s.listFilesV1(call.ListFiles)
	case agentv1.CallTypeReadFile:
		response.ReadFile, err = s.readFileV1(call.ReadFile)
	case agentv1.CallTypeGetContainers:
		response.GetContainers = s.containersV1(r, v)
	case agentv1.CallTypeGetAgent:
		response.GetAgent = agentV1(v)
	case agentv1.CallTypeGetOperations:
		response.GetOperations = &agentv1.ResponseGetOperations{}
	case agentv1.CallTypeGetResourceProviders:
		response.GetResourceProviders = &agentv1.ResponseGetResourceProviders{}
	case agentv1.CallTypeGetState:
		return fullResponse{Type: call.Type, State: &fullState{tasksV1(v), executorsV1(v), frameworksV1(v)}}, nil
	case agentv1.CallTypeGetTasks:
		return fullResponse{Type: call.Type, Tasks: tasksV1(v)}, nil
	case agentv1.CallTypeGetExecutors:
		return fullResponse{Type: call.Type, Executors: executorsV1(v)}, nil
	case agentv1.CallTypeGetFrameworks:
		return fullResponse{Type: call.Type, Frameworks: frameworksV1(v)}, nil
	case agentv1.CallTypeUnknown:
		return nil, refuse(http.StatusNotImplemented, "501 Not Implemented.")
	default:
		return nil, fault.New(fault.Unimplemented, fmt.Sprintf("This agent does not support the call %s yet", call.Type))
	}
	return response, err
}

// fullResponse is a Response whose lists are there even when they are empty.
type fullResponse struct {
	Type       agentv1.CallType `json:"type"`
	State      *fullState       `json:"get_state,omitempty"`
	Tasks      *fullTasks       `json:"get_tasks,omitempty"`
	Executors  *fullExecutors   `json:"get_executors,omitempty"`
	Frameworks *fullFrameworks  `json:"get_frameworks,omitempty"`
}

type fullState struct {
	Tasks      *fullTasks      `json:"get_tasks"`
	Executors  *fullExecutors  `json:"get_executors"`
	Frameworks *fullFrameworks `json:"get_frameworks"`
}

type fullTasks struct {
	Pending    []*mesosv1.Task `json:"pending_tasks"`
	Queued     []*mesosv1.Task `json:"queued_tasks"`
	Launched   []*mesosv1.Task `json:"launched_tasks"`
	Terminated []*mesosv1.Task `json:"terminated_tasks"`
	Completed  []*mesosv1.Task `json:"completed_tasks"`
}

type fullExecutors struct {
	Executors []agentv1.ResponseGetExecutorsExecutor `json:"executors"`
	Completed []agentv1.ResponseGetExecutorsExecutor `json:"completed_executors"`
}

type fullFrameworks struct {
	Frameworks []agentv1.ResponseGetFrameworksFramework `json:"frameworks"`
	Completed  []agentv1.ResponseGetFrameworksFramework `json:"completed_frameworks"`
}

// each calls visit for every executor of the view, completed or not.
func each(v *agent.View, visit func(f *agent.FrameworkView, e *agent.ExecutorView, completed bool)) {
	for _, list := range [][]agent.FrameworkView{v.Frameworks, v.CompletedFrameworks} {
		for i := range list {
			f := &list[i]
			for j := range f.Executors {
				visit(f, &f.Executors[j], false)
			}
			for j := range f.CompletedExecutors {
				visit(f, &f.CompletedExecutors[j], true)
			}
		}
	}
}

func tasksV1(v *agent.View) *fullTasks {
	t := &fullTasks{
		Pending: []*mesosv1.Task{}, Queued: []*mesosv1.Task{}, Launched: []*mesosv1.Task{},
		Terminated: []*mesosv1.Task{}, Completed: []*mesosv1.Task{},
	}
	each(v, func(_ *agent.FrameworkView, e *agent.ExecutorView, _ bool) {
		t.Queued = append(t.Queued, e.Queued...)
		t.Launched = append(t.Launched, e.Launched...)
		t.Terminated = append(t.Terminated, e.Terminated...)
		t.Completed = append(t.Completed, e.Completed...)
	})
	return t
}

func executorsV1(v *agent.View) *fullExecutors {
	out := &fullExecutors{[]agentv1.ResponseGetExecutorsExecutor{}, []agentv1.ResponseGetExecutorsExecutor{}}
	each(v, func(_ *agent.FrameworkView, e *agent.ExecutorView, completed bool) {
		entry := agentv1.ResponseGetExecutorsExecutor{ExecutorInfo: *e.Info}
		if completed || !e.Live {
			out.Completed = append(out.Completed, entry)
		} else {
			out.Executors = append(out.Executors, entry)
		}
	})
	return out
}

func frameworksV1(v *agent.View) *fullFrameworks {
	list := func(views []agent.FrameworkView) []agentv1.ResponseGetFrameworksFramework {
		out := make([]agentv1.ResponseGetFrameworksFramework, len(views))
		for i := range views {
			out[i].FrameworkInfo = *views[i].Info
		}
		return out
	}
	return &fullFrameworks{list(v.Frameworks), list(v.CompletedFrameworks)}
}

func agentV1(v *agent.View) *agentv1.ResponseGetAgent {
	info := v.Info
	info.Checkpoint = nil // the agent does not tell this of itself, only the master does
	out := &agentv1.ResponseGetAgent{AgentInfo: &info}
	if v.Drain != nil {
		out.DrainConfig = v.Drain
		out.EstimatedDrainStartTime = &mesosv1.TimeInfo{Nanoseconds: v.DrainStarted.UnixNano()}
	}
	return out
}

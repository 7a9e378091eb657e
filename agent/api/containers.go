package api

import (
	"context"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meseta/meseta/agent"
	"github.com/meseta/meseta/gen/agentv1"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/mesosid"
)

const (
	// measureTimeout bounds how long one request measures containers, and
	// measureParallel how many at a time.
	measureTimeout  = 10 * time.Second
	measureParallel = 16
)

// container is a running container as /containers shows it.
type container struct {
	ContainerID  string                      `json:"container_id"`
	ExecutorID   string                      `json:"executor_id"`
	ExecutorName string                      `json:"executor_name"`
	FrameworkID  string                      `json:"framework_id"`
	Source       string                      `json:"source"`
	Statistics   *mesosv1.ResourceStatistics `json:"statistics,omitempty"`
	Status       *mesosv1.ContainerStatus    `json:"status,omitempty"`
}

// measured is a running container with what could be measured of it.
type measured struct {
	framework  *agent.FrameworkView
	executor   *agent.ExecutorView
	statistics *mesosv1.ResourceStatistics // nil when it could not be
}

// measure finds the running containers that pass the filter and measures them.
// One that cannot be measured is listed without numbers.
func (s *Server) measure(r *http.Request, v *agent.View, pass func(*agent.FrameworkView, *agent.ExecutorView) bool) []measured {
	var list []measured
	each(v, func(f *agent.FrameworkView, e *agent.ExecutorView, completed bool) {
		if !completed && e.Live && e.Status != nil && pass(f, e) {
			list = append(list, measured{framework: f, executor: e})
		}
	})
	ctx, cancel := context.WithTimeout(r.Context(), measureTimeout)
	defer cancel()
	var group errgroup.Group
	group.SetLimit(measureParallel)
	for i := range list {
		m := &list[i]
		group.Go(func() error {
			statistics, err := s.source.Statistics(ctx, m.executor.Containerizer, m.executor.ContainerID)
			if err == nil {
				m.statistics = &statistics
			}
			return nil
		})
	}
	_ = group.Wait() // its functions return no errors
	return list
}

func everything(*agent.FrameworkView, *agent.ExecutorView) bool { return true }

func (s *Server) containersV1(r *http.Request, v *agent.View) *agentv1.ResponseGetContainers {
	list := s.measure(r, v, everything)
	if len(list) == 0 {
		return nil
	}
	out := &agentv1.ResponseGetContainers{}
	for _, m := range list {
		out.Containers = append(out.Containers, agentv1.ResponseGetContainersContainer{
			FrameworkID:        m.framework.Info.ID,
			ExecutorID:         &m.executor.Info.ExecutorID,
			ExecutorName:       m.executor.Info.Name,
			ContainerID:        mesosv1.ContainerID{Value: string(m.executor.ContainerID)},
			ContainerStatus:    m.executor.Status,
			ResourceStatistics: m.statistics,
		})
	}
	return out
}

// containers serves /containers, all of them or those that the query names.
func (s *Server) containers(r *http.Request) (any, error) {
	query := r.URL.Query()
	id, framework, executor := query.Get("container_id"), query.Get("framework_id"), query.Get("executor_id")
	if id != "" && framework+executor != "" || executor != "" && framework == "" {
		return nil, refuse(http.StatusBadRequest, "Supported query parameters are container_id only, framework_id only, or executor_id and framework_id only")
	}
	view, err := s.view(r)
	if err != nil {
		return nil, err
	}
	list := s.measure(r, view, func(f *agent.FrameworkView, e *agent.ExecutorView) bool {
		return (id == "" || e.ContainerID == mesosid.ContainerID(id)) &&
			(framework == "" || f.Info.ID.Value == framework) &&
			(executor == "" || e.Info.ExecutorID.Value == executor)
	})
	out := make([]container, 0, len(list))
	for _, m := range list {
		c := containerOf(m)
		c.Status = m.executor.Status
		out = append(out, c)
	}
	return out, nil
}

func containerOf(m measured) container {
	return container{
		ContainerID:  string(m.executor.ContainerID),
		ExecutorID:   m.executor.Info.ExecutorID.Value,
		ExecutorName: text(m.executor.Info.Name),
		FrameworkID:  m.framework.Info.ID.Value,
		Source:       text(m.executor.Info.Source),
		Statistics:   m.statistics,
	}
}

// usage is a running executor as /monitor/statistics shows it.
type usage struct {
	ExecutorID   string                      `json:"executor_id"`
	ExecutorName string                      `json:"executor_name"`
	FrameworkID  string                      `json:"framework_id"`
	Source       string                      `json:"source"`
	Statistics   *mesosv1.ResourceStatistics `json:"statistics"`
}

func (s *Server) statistics(r *http.Request) (any, error) {
	view, err := s.view(r)
	if err != nil {
		return nil, err
	}
	out := []usage{}
	for _, m := range s.measure(r, view, everything) {
		if m.statistics != nil {
			c := containerOf(m)
			out = append(out, usage{c.ExecutorID, c.ExecutorName, c.FrameworkID, c.Source, c.Statistics})
		}
	}
	return out, nil
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

package compat

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const subscribeStep = `{"do":"subscribe","stream":"s1","path":"/api/v1/scheduler",
	"headers":{"Content-Type":"application/json"},"body":{"type":"SUBSCRIBE"},
	"expect":{"status":200,"headers":{"Transfer-Encoding":"chunked","Mesos-Stream-Id":"$STREAM_ID_1","Content-Type":"application/json"}}}`

func update(task, state, uuid string) string {
	return fmt.Sprintf(`{"type":"UPDATE","update":{"status":{"task_id":{"value":%q},"state":%q,"uuid":%q}}}`, task, state, uuid)
}

func eventStep(event string, more ...string) string {
	kind := event[len(`{"type":"`):strings.Index(event, `",`)]
	return fmt.Sprintf(`{"do":"event","stream":"s1","type":%q,"event":%s%s}`, kind, event, strings.Join(append([]string{""}, more...), ","))
}

const (
	uuidA = "AAAAAAAAQACAAAAAAAAAAQ=="
	uuidB = "AAAAAAAAQACAAAAAAAAAAg=="
	uuidC = "AAAAAAAAQACAAAAAAAAAAw=="
)

func mustPass(t *testing.T, r *Report) {
	t.Helper()
	if !r.Passed() {
		t.Errorf("the replay failed:\n%s", r)
	}
}

func mustFail(t *testing.T, r *Report, step int, words ...string) {
	t.Helper()
	for _, f := range r.Failures {
		if f.Step != step {
			continue
		}
		for _, w := range words {
			if !strings.Contains(f.String(), w) {
				t.Errorf("the failure of step %d lacks %q:\n%s", step, w, f)
			}
		}
		return
	}
	t.Errorf("step %d did not fail; the report is:\n%s", step, r)
}

func TestRequestsAreSentToTheLetter(t *testing.T) {
	t.Parallel()
	f := startFake(t, map[string]func(received, io.Writer){
		"/a?x=1": plain(202, ""), "/b": plain(202, ""), "/c": plain(202, ""), "/d": plain(202, ""),
	})
	report, _ := replayOn(t, newFakeCluster(t, f.addr()),
		`{"do":"call","path":"/a?x=1","headers":{"Content-Type":"application/json","X-b":""},"body":{"z":1,"a":"<&>"},"expect":{"status":202,"headers":{},"body":""}}`,
		`{"do":"call","path":"/b","headers":{},"raw_body":"{}","expect":{"status":202,"headers":{},"body":""}}`,
		`{"do":"call","method":"GET","path":"/c","headers":{},"expect":{"status":202,"headers":{},"body":""}}`,
		`{"do":"call","path":"/d","headers":{},"expect":{"status":202,"headers":{},"body":""}}`)
	mustPass(t, report)
	host := "Host: " + f.addr()
	want := [][]string{
		{"POST /a?x=1 HTTP/1.1", host, "Content-Type: application/json", "X-b: ", "Content-Length: 19", `{"a":"<&>","z":1}`},
		{"POST /b HTTP/1.1", host, "Content-Length: 2", "{}"},
		{"GET /c HTTP/1.1", host, ""},
		{"POST /d HTTP/1.1", host, "Content-Length: 0", ""},
	}
	want[0][4] = fmt.Sprintf("Content-Length: %d", len(want[0][5]))
	var got [][]string
	for _, r := range f.requests() {
		got = append(got, append(append([]string{r.line}, r.headers...), r.body))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestAnAnswerThatDiffersIsDescribedAndTheReplayGoesOn(t *testing.T) {
	t.Parallel()
	f := startFake(t, map[string]func(received, io.Writer){"/a": plain(400, "no such thing"), "/b": plain(202, "")})
	report, _ := replayOn(t, newFakeCluster(t, f.addr()),
		`{"do":"call","path":"/a","note":"why","expect":{"status":202,"headers":{"Allow":"POST"},"body":""}}`,
		`{"do":"call","path":"/b","expect":{"status":202,"headers":{},"body":"x"}}`)
	mustFail(t, report, 1, "note: why", "expected 202, got 400", "header Allow", "no such thing")
	mustFail(t, report, 2, `expected "x"`)
	if report.Aborted {
		t.Error("the replay ended early")
	}
}

func TestEventsAreTakenByTypeAndTask(t *testing.T) {
	t.Parallel()
	f := startFake(t, map[string]func(received, io.Writer){"/api/v1/scheduler": streaming(
		`{"type":"HEARTBEAT"}`, update("t2", "TASK_STARTING", uuidB), `{"type":"FAILURE","failure":{}}`,
		update("t1", "TASK_STARTING", uuidA), `{"type":"HEARTBEAT"}`, update("t2", "TASK_RUNNING", uuidC), "")})
	report, bindings := replayOn(t, newFakeCluster(t, f.addr()), subscribeStep,
		eventStep(update("t1", "TASK_STARTING", "$UUID_1")),
		eventStep(update("t2", "TASK_STARTING", "$UUID_2")),
		eventStep(update("t2", "TASK_RUNNING", "$UUID_3")),
		`{"do":"event","stream":"s1","type":"HEARTBEAT","event":{"type":"HEARTBEAT"}}`,
		eventStep(`{"type":"FAILURE","failure":{}}`),
		`{"do":"closed","stream":"s1"}`,
		`{"do":"quiet","stream":"s1","seconds":0.01}`)
	mustPass(t, report)
	if got, _ := bindings.Value("UUID_2"); got != uuidB {
		t.Errorf("$UUID_2 is %s", got)
	}
}

func TestAnUpdateThatWasMatchedBeforeMayComeAgain(t *testing.T) {
	t.Parallel()
	f := startFake(t, map[string]func(received, io.Writer){"/api/v1/scheduler": streaming(
		update("t1", "TASK_STARTING", uuidA), update("t1", "TASK_STARTING", uuidA), update("t1", "TASK_RUNNING", uuidB))})
	c := newFakeCluster(t, f.addr())
	report, _ := replayOn(t, c, subscribeStep,
		eventStep(update("t1", "TASK_STARTING", "$UUID_1")), eventStep(update("t1", "TASK_RUNNING", "$UUID_2")))
	mustPass(t, report)
	report, _ = replayOn(t, c, subscribeStep,
		eventStep(update("t1", "TASK_STARTING", "$UUID_1")), eventStep(update("t1", "TASK_STARTING", "$UUID_1")))
	mustPass(t, report)
}

func TestOffersMayBeGroupedDifferently(t *testing.T) {
	t.Parallel()
	offer := func(id, agent string) string { return fmt.Sprintf(`{"id":%q,"agent":%q}`, id, agent) }
	offers := func(list ...string) string {
		return `{"type":"OFFERS","offers":{"offers":[` + strings.Join(list, ",") + `]}}`
	}
	f := startFake(t, map[string]func(received, io.Writer){"/api/v1/scheduler": streaming(
		offers(offer("o2", "b"), offer("o1", "a")), offers(offer("o3", "c")))})
	c := newFakeCluster(t, f.addr())
	report, bindings := replayOn(t, c, subscribeStep,
		eventStep(offers(offer("$OFFER_ID_1", "a"))), eventStep(offers(offer("$OFFER_ID_2", "c"), offer("$OFFER_ID_3", "b"))))
	mustPass(t, report)
	if got, _ := bindings.Value("OFFER_ID_2"); got != "o3" {
		t.Errorf("$OFFER_ID_2 is %s", got)
	}
	report, _ = replayOn(t, c, subscribeStep, eventStep(offers(offer("$OFFER_ID_1", "a"))))
	mustFail(t, report, 2, "is unexpected", `"o2"`)
}

func TestRescindedOffersComeInAnyOrder(t *testing.T) {
	t.Parallel()
	rescind := func(id string) string {
		return fmt.Sprintf(`{"type":"RESCIND","rescind":{"offer_id":{"value":%q}}}`, id)
	}
	f := startFake(t, map[string]func(received, io.Writer){
		"/offers":           jsonAnswer(`{"a":"o1","b":"o2"}`),
		"/api/v1/scheduler": streaming(rescind("o2"), rescind("o1"))})
	report, _ := replayOn(t, newFakeCluster(t, f.addr()),
		`{"do":"call","path":"/offers","expect":{"status":200,"headers":{},"json_body":{"a":"$OFFER_ID_1","b":"$OFFER_ID_2"}}}`,
		subscribeStep, eventStep(rescind("$OFFER_ID_1")), eventStep(rescind("$OFFER_ID_2")))
	mustPass(t, report)
}

func TestWhatDisturbsAQuietTimeIsShown(t *testing.T) {
	t.Parallel()
	f := startFake(t, map[string]func(received, io.Writer){"/api/v1/scheduler": streaming(
		`{"type":"HEARTBEAT"}`, `{"type":"OFFERS","offers":{}}`, `{"type":"FAILURE","failure":{}}`)})
	report, _ := replayOn(t, newFakeCluster(t, f.addr()), subscribeStep,
		`{"do":"quiet","stream":"s1","seconds":0.2,"ignore":["OFFERS","FAILURE"]}`,
		`{"do":"quiet","stream":"s1","seconds":0.01,"ignore":["OFFERS"]}`)
	mustFail(t, report, 3, `"FAILURE"`)
	if len(report.Failures) != 1 {
		t.Errorf("got the failures:\n%s", report)
	}
}

func TestAnEventMuchEarlierThanItsDelayFails(t *testing.T) {
	t.Parallel()
	f := startFake(t, map[string]func(received, io.Writer){"/api/v1/scheduler": streaming(
		`{"type":"OFFERS","offers":{"offers":[]}}`, `{"type":"RESCIND","rescind":{}}`, `{"type":"OFFERS","offers":{"offers":[]}}`)})
	report, _ := replayOn(t, newFakeCluster(t, f.addr()), subscribeStep,
		eventStep(`{"type":"OFFERS","offers":{"offers":[]}}`, `"observed_after_ms":900`),
		eventStep(`{"type":"RESCIND","rescind":{}}`, `"observed_after_ms":10`),
		eventStep(`{"type":"OFFERS","offers":{"offers":[]}}`, `"observed_after_ms":5000`))
	mustFail(t, report, 4, "much earlier than the recorded 5s")
	if len(report.Failures) != 1 {
		t.Errorf("got the failures:\n%s", report)
	}
}

func TestOneChunkIsOneRecord(t *testing.T) {
	t.Parallel()
	heartbeat := `{"type":"HEARTBEAT"}`
	cases := []struct {
		name  string
		write func(io.Writer)
		want  string
	}{
		{"two records in a chunk", func(w io.Writer) { chunkOf(w, frame(heartbeat)+frame(heartbeat)) }, "2 records instead of one"},
		{"a record in two chunks", func(w io.Writer) {
			chunkOf(w, frame(heartbeat)[:5])
			chunkOf(w, frame(heartbeat)[5:])
		}, "not one RecordIO record"},
		{"a line break inside", func(w io.Writer) { chunkOf(w, frame("{\n\"type\":\"HEARTBEAT\"}")) }, "line break"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := startFake(t, map[string]func(received, io.Writer){"/api/v1/scheduler": func(r received, w io.Writer) {
				streamHead(w)
				c.write(w)
				<-r.gone
			}})
			report, _ := replayOn(t, newFakeCluster(t, f.addr()), subscribeStep, `{"do":"wait","seconds":0.2}`)
			mustFail(t, report, 2, c.want)
		})
	}
}

func TestARefusedSubscriptionIsComparedWhole(t *testing.T) {
	t.Parallel()
	f := startFake(t, map[string]func(received, io.Writer){"/api/v1/scheduler": plain(406, "no")})
	c := newFakeCluster(t, f.addr())
	refused := `{"do":"subscribe","stream":"s1","path":"/api/v1/scheduler","body":{"type":"SUBSCRIBE"},
		"expect":{"status":406,"headers":{},"body":"no"}}`
	report, _ := replayOn(t, c, refused)
	mustPass(t, report)
	report, _ = replayOn(t, c, subscribeStep, `{"do":"closed","stream":"s1"}`)
	mustFail(t, report, 1, "expected 200, got 406")
	if !report.Aborted {
		t.Error("the replay went on without the stream")
	}
}

func TestAnErrorStreamInACallIsComparedByFrame(t *testing.T) {
	t.Parallel()
	f := startFake(t, map[string]func(received, io.Writer){
		"/api/v1/scheduler": streaming(`{"error":{"message":"m"},"type":"ERROR"}`, "")})
	report, _ := replayOn(t, newFakeCluster(t, f.addr()),
		`{"do":"call","path":"/api/v1/scheduler","expect":{"status":200,"headers":{},"body":"40\n{\"type\":\"ERROR\",\"error\":{\"message\":\"m\"}}"}}`)
	mustPass(t, report)
}

func TestAnEventThatNeverComesEndsTheReplay(t *testing.T) {
	t.Parallel()
	f := startFake(t, map[string]func(received, io.Writer){"/api/v1/scheduler": streaming(`{"type":"FAILURE","failure":{}}`, "")})
	report, _ := replayOn(t, newFakeCluster(t, f.addr()), subscribeStep, eventStep(update("t1", "TASK_LOST", "$UUID_1")))
	mustFail(t, report, 2, "has ended the stream", `"FAILURE"`)
	if !report.Aborted {
		t.Error("the replay is not marked as ended")
	}
}

func TestProcessesAndSandboxesAreDrivenByTheSteps(t *testing.T) {
	t.Parallel()
	f := startFake(t, map[string]func(received, io.Writer){"/api/v1/scheduler": streaming("")})
	c := newFakeCluster(t, f.addr())
	sandbox := filepath.Join(c.workDir, "slaves/m-S0/frameworks/m-0000/executors/e1/runs/c1")
	if err := os.MkdirAll(sandbox, 0o755); err != nil {
		t.Fatal(err)
	}
	env := "PATH=/bin\nPWD=" + sandbox + "\nMESOS_SLAVE_ID=m-S0\n_=/usr/bin/env\nSHLVL=1\n"
	if err := os.WriteFile(filepath.Join(sandbox, "env.txt"), []byte(env), 0o644); err != nil {
		t.Fatal(err)
	}
	report, bindings := replayOn(t, c, subscribeStep,
		`{"do":"signal_agent","agent":1,"signal":"KILL"}`,
		`{"do":"start_agent","agent":1,"wipe_work_dir":true}`,
		`{"do":"closed","stream":"s1"}`,
		`{"do":"restart_master"}`,
		`{"do":"wait_sandbox_file","agent":1,"executor_id":"e1","file":"env.txt"}`,
		`{"do":"sandbox_file","agent":1,"executor_id":"e1","file":"env.txt","lines":["PATH=/bin",
			"PWD=$WORK_DIR_1/slaves/$AGENT_ID_1/frameworks/$FRAMEWORK_ID_1/executors/e1/runs/$CONTAINER_ID_1","MESOS_SLAVE_ID=$AGENT_ID_1"]}`,
		`{"do":"write_sandbox_file","agent":1,"executor_id":"e1","file":"stop","text":"7"}`,
		`{"do":"note","text":"done"}`)
	mustPass(t, report)
	want := []string{"KILL to agent 1", "start agent 1 {Flags:[] Wipe:true Wait:true}", "restart master"}
	if diff := cmp.Diff(want, c.log); diff != "" {
		t.Errorf("what was done to the processes (-want +got):\n%s", diff)
	}
	if text, err := os.ReadFile(filepath.Join(sandbox, "stop")); err != nil || string(text) != "7" {
		t.Errorf("the file holds %q, %v", text, err)
	}
	if got, _ := bindings.Value("CONTAINER_ID_1"); got != "c1" {
		t.Errorf("$CONTAINER_ID_1 is %q", got)
	}
}

func TestAClientThatRepeatsItsSubscriptionIsPatient(t *testing.T) {
	t.Parallel()
	attempts := 0
	f := startFake(t, map[string]func(received, io.Writer){"/api/v1/scheduler": func(r received, w io.Writer) {
		if attempts++; attempts < 3 {
			plain(503, "not yet")(r, w)
			return
		}
		streaming("")(r, w)
	}})
	c := newFakeCluster(t, f.addr())
	report, _ := replayOn(t, c,
		`{"do":"start_agent","agent":1}`,
		`{"do":"note","text":"the executor repeats SUBSCRIBE until the agent accepts it"}`,
		subscribeStep)
	mustPass(t, report)
	if diff := cmp.Diff([]string{"start agent 1 {Flags:[] Wipe:false Wait:false}"}, c.log); diff != "" {
		t.Errorf("what was done to the processes (-want +got):\n%s", diff)
	}
}

func TestOperatorConversationsAreReplayed(t *testing.T) {
	t.Parallel()
	polls := 0
	addr := httptestAddr(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/poll":
			polls++
			fmt.Fprintf(w, `{"n":%d}`, polls)
		case "/gzip":
			w.Header().Set("Content-Encoding", "gzip")
			out := gzip.NewWriter(w)
			fmt.Fprint(out, `{"agent":"m-S0"}`)
			out.Close()
		case "/jsonp":
			fmt.Fprint(w, `cb({"a":1});`)
		case "/bytes":
			fmt.Fprint(w, "\x00\x01")
		case "/echo":
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, `{"body":%q}`, body)
		case "/stream":
			w.WriteHeader(200)
			for _, e := range []string{`{"type":"A","n":2}`, `{"type":"HEARTBEAT"}`, `{"type":"A","n":1}`, `{"type":"B","n":3}`} {
				fmt.Fprint(w, frame(e))
				w.(http.Flusher).Flush()
			}
			<-r.Context().Done()
		}
	})
	c := newFakeCluster(t, addr)
	close(c.exited)
	call := func(path, body, expect string) string {
		return fmt.Sprintf(`{"do":"call","target":"master","method":"POST","path":%q,"poll":%v%s,"expect":{"status":200,"headers":{"Content-Type":"application/json"},%s}}`,
			path, path == "/poll", body, expect)
	}
	report, _ := replayOn(t, c,
		call("/poll", "", `"body":{"n":3}`),
		call("/gzip", "", `"body":{"agent":"$AGENT_ID_1"}`),
		call("/jsonp", "", `"jsonp":"cb","body":{"a":1.0}`),
		call("/bytes", "", `"body_base64":"AAE="`),
		call("/echo", `,"body_records":[{"a":1},{"b":"$AGENT_ID_2"}]`, `"body":{"body":"7\n{\"a\":1}12\n{\"b\":\"m-S1\"}"}`),
		call("/echo", `,"body_text":"x=$AGENT_ID_1"`, `"body_text":"{\"body\":\"x=m-S0\"}"`),
		`{"do":"subscribe","stream":"ops","target":"master","method":"POST","path":"/stream","body":{"type":"SUBSCRIBE"},"expect":{"status":200,"headers":{"Transfer-Encoding":"chunked"}}}`,
		`{"do":"event","stream":"ops","event":{"type":"A","n":1}}`,
		`{"do":"event","stream":"ops","event":{"type":"A","n":2}}`,
		`{"do":"no_event","stream":"ops","type":"A","ms":5}`,
		`{"do":"event","stream":"ops","event":{"type":"B","n":3}}`,
		`{"do":"no_event","stream":"ops","type":"*","ms":5}`,
		`{"do":"still_open","stream":"ops"}`,
		`{"do":"close","stream":"ops"}`,
		`{"do":"agent_exited","agent":1}`,
		`{"do":"sleep","ms":1}`)
	mustPass(t, report)
}

func TestAnAnswerThatNeverEndsIsReportedWithWhatCame(t *testing.T) {
	t.Parallel()
	f := startFake(t, map[string]func(received, io.Writer){"/a": streaming(`{"type":"X"}`)})
	ctx, cancel := contextFor(t, 200*time.Millisecond)
	defer cancel()
	response, err := open(ctx, f.addr(), rawRequest{Method: "POST", Path: "/a"})
	if err != nil {
		t.Fatal(err)
	}
	defer response.close()
	if _, err := response.body(ctx); err == nil || !strings.Contains(err.Error(), "does not end") || !strings.Contains(err.Error(), "type") {
		t.Errorf("got %v", err)
	}
}

func TestAListedStepMustDiffer(t *testing.T) {
	t.Parallel()
	f := startFake(t, map[string]func(received, io.Writer){"/a": plain(400, "ours")})
	transcript := writeTranscript(t,
		`{"do":"call","path":"/a","expect":{"status":202,"headers":{},"body":""}}`,
		`{"do":"call","path":"/a","expect":{"status":400,"headers":{},"body":"ours"}}`)
	replay := func(steps ...int) *Report {
		differences := []StepDifference{{Transcript: "scheduler/sample", Steps: steps}}
		return newReplayer(transcript, newFakeCluster(t, f.addr()), NewBindings(), differences).Run(t.Context())
	}
	mustPass(t, replay(1))
	mustFail(t, replay(), 1, "got 400")
	mustFail(t, replay(1, 2), 2, "as recorded now")
}

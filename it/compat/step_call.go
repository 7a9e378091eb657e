package compat

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"github.com/meseta/meseta/internal/mesosjson"
	"github.com/meseta/meseta/internal/recordio"
)

// call sends one request and compares the whole answer.
func (r *Replayer) call(ctx context.Context, i int) (int, error) {
	s := &r.transcript.Steps[i]
	addr, request, err := r.request(ctx, s)
	if err != nil {
		return 0, err
	}
	attempt := func() error {
		mismatch, err := r.exchange(ctx, addr, request, s)
		if err != nil {
			return err
		}
		if mismatch != "" {
			return errors.New(mismatch)
		}
		return nil
	}
	if s.Poll {
		err = repeat(ctx, pollPatience, attempt)
	} else {
		err = attempt()
	}
	if err != nil {
		// The next steps may well be right even though this answer is not.
		r.fail(i, err.Error())
	}
	return 1, ctx.Err()
}

// exchange makes one call and returns how the answer differs.
func (r *Replayer) exchange(ctx context.Context, addr string, request rawRequest, s *Step) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callPatience)
	defer cancel()
	response, err := open(ctx, addr, request)
	if err != nil {
		return "", err
	}
	defer response.close()
	body, err := response.body(ctx)
	if err != nil {
		return "", err
	}
	return r.compareAnswer(s, response, body), nil
}

// subscribe sends a request and keeps the connection, whose records are
// collected from then on.
func (r *Replayer) subscribe(ctx context.Context, i int) (int, error) {
	s := &r.transcript.Steps[i]
	addr, request, err := r.request(ctx, s)
	if err != nil {
		return 0, err
	}
	response, err := r.openSubscription(ctx, addr, request)
	if err != nil {
		return 0, err
	}
	if response.Status == 200 && s.Expect.Status == 200 {
		if mismatch := r.compareHead(s, response); mismatch != "" {
			r.fail(i, mismatch)
		}
		if old := r.streams[s.Stream]; old != nil {
			old.close()
		}
		r.streams[s.Stream] = newStream(s.Stream, response)
		return 1, nil
	}
	defer response.close()
	bodyCtx, cancel := context.WithTimeout(ctx, callPatience)
	defer cancel()
	body, err := response.body(bodyCtx)
	if err != nil && response.Status == s.Expect.Status {
		return 0, err
	}
	if mismatch := r.compareAnswer(s, response, body); mismatch != "" {
		if s.Expect.Status == 200 {
			return 0, errors.New(mismatch)
		}
		r.fail(i, mismatch)
	}
	return 1, nil
}

// openSubscription repeats the request while nobody listens or the server is
// not ready, if the transcript says that the client did.
func (r *Replayer) openSubscription(ctx context.Context, addr string, request rawRequest) (*rawResponse, error) {
	patient := r.patient
	r.patient = false
	var response *rawResponse
	attempt := func() error {
		ctx, cancel := context.WithTimeout(ctx, callPatience)
		defer cancel()
		var err error
		response, err = open(ctx, addr, request)
		if err == nil && response.Status == 503 && patient {
			response.close()
			return errors.New("the server answers 503")
		}
		return err
	}
	if !patient {
		err := attempt()
		return response, err
	}
	err := repeat(ctx, pollPatience, attempt)
	return response, err
}

// request puts together what a step sends and finds whom it goes to.
func (r *Replayer) request(ctx context.Context, s *Step) (string, rawRequest, error) {
	addr, err := r.target(s.Target)
	if err != nil {
		return "", rawRequest{}, err
	}
	if err := r.lookUpAgents(ctx, s); err != nil {
		return "", rawRequest{}, err
	}
	request := rawRequest{Method: s.Method, Headers: make(map[string]string)}
	if request.Method == "" {
		request.Method = "POST"
	}
	if request.Path, err = r.bindings.Expand(s.Path); err != nil {
		return "", rawRequest{}, err
	}
	for name, value := range s.Headers {
		if request.Headers[name], err = r.bindings.Expand(value); err != nil {
			return "", rawRequest{}, err
		}
	}
	request.Body, err = r.requestBody(s)
	return addr, request, err
}

func (r *Replayer) target(name string) (string, error) {
	if name == "" || name == "master" {
		return r.cluster.MasterAddr(), nil
	}
	agent, err := strconv.Atoi(strings.TrimPrefix(name, "agent"))
	if err != nil {
		return "", fmt.Errorf("unknown target %q", name)
	}
	return r.cluster.AgentAddr(agent)
}

// requestBody returns nil if there is none.
func (r *Replayer) requestBody(s *Step) ([]byte, error) {
	verbatim := s.RawBody
	if verbatim == nil {
		verbatim = s.BodyText
	}
	if verbatim != nil {
		body, err := r.bindings.Expand(*verbatim)
		return []byte(body), err
	}
	if s.Records != nil {
		body := []byte{}
		for _, record := range s.Records {
			encoded, err := r.expandText(record)
			if err != nil {
				return nil, err
			}
			body = recordio.Append(body, encoded)
		}
		return body, nil
	}
	if len(s.Body) == 0 {
		return nil, nil
	}
	return r.expandText(s.Body)
}

// expandText replaces the placeholders in JSON text.
func (r *Replayer) expandText(raw json.RawMessage) ([]byte, error) {
	value, err := decode(raw)
	if err != nil {
		return nil, err
	}
	if value, err = r.bindings.ExpandJSON(value); err != nil {
		return nil, err
	}
	return mesosjson.Marshal(value)
}

// lookUpAgents binds the ids of agents that a request names before any answer
// has shown them.
func (r *Replayer) lookUpAgents(ctx context.Context, s *Step) error {
	texts := []string{s.Path, string(s.Body)}
	if s.BodyText != nil {
		texts = append(texts, *s.BodyText)
	}
	for _, record := range s.Records {
		texts = append(texts, string(record))
	}
	for _, t := range append(texts, slices.Collect(maps.Values(s.Headers))...) {
		for _, part := range parseTemplate(t) {
			if part.name == "" || part.word != "AGENT_ID" {
				continue
			}
			if _, bound := r.bindings.Value(part.name); bound {
				continue
			}
			number, err := strconv.Atoi(strings.TrimPrefix(part.name, "AGENT_ID_"))
			if err != nil {
				return fmt.Errorf("$%s names no agent", part.name)
			}
			id, err := r.cluster.AgentID(ctx, number)
			if err != nil {
				return fmt.Errorf("id of agent %d: %w", number, err)
			}
			if !r.bindings.Bind(part.name, id) {
				return fmt.Errorf("agent %d has the id %s, which another placeholder stands for", number, id)
			}
		}
	}
	return nil
}

// compareAnswer compares status, headers and body.
func (r *Replayer) compareAnswer(s *Step, response *rawResponse, body []byte) string {
	if strings.EqualFold(response.Headers.Get("Content-Encoding"), "gzip") {
		plain, err := gunzip(body)
		if err != nil {
			return fmt.Sprintf("the body cannot be decompressed: %v", err)
		}
		body = plain
	}
	problems := []string{r.compareHead(s, response), r.compareBody(s, body)}
	if response.Status != s.Expect.Status {
		// The text of the unexpected answer says most.
		problems = []string{problems[0], fmt.Sprintf("the answer's body is %s", shortenText(body))}
	}
	problems = slices.DeleteFunc(problems, func(p string) bool { return p == "" })
	return strings.Join(problems, "\n")
}

func gunzip(body []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(reader)
}

func (r *Replayer) compareHead(s *Step, response *rawResponse) string {
	var problems []string
	if response.Status != s.Expect.Status {
		problems = append(problems, fmt.Sprintf("status: expected %d, got %d", s.Expect.Status, response.Status))
	}
	m := newMatcher(r.bindings, r.rules(s.Path, nil))
	for _, name := range slices.Sorted(maps.Keys(s.Expect.Headers)) {
		expected := s.Expect.Headers[name]
		if r.transcript.Format == Operator && strings.EqualFold(name, "Transfer-Encoding") {
			continue
		}
		values := response.Headers[textproto.CanonicalMIMEHeaderKey(name)]
		if !slices.ContainsFunc(values, func(v string) bool { return m.text(expected, v) }) {
			problems = append(problems, fmt.Sprintf("header %s: expected %q, got %q", name, r.bindings.show(expected), values))
		}
	}
	return strings.Join(problems, "\n")
}

func (r *Replayer) compareBody(s *Step, body []byte) string {
	e := s.Expect
	m := newMatcher(r.bindings, r.rules(s.Path, s.Unordered))
	switch {
	case e.BodyBase64 != nil:
		want, err := base64.StdEncoding.DecodeString(*e.BodyBase64)
		if err != nil || !bytes.Equal(want, body) {
			return fmt.Sprintf("body: expected the bytes %q, got %s", want, shortenText(body))
		}
		return ""
	case e.BodyText != nil:
		return compareText(m, *e.BodyText, body)
	case e.BodyPrefix != nil:
		prefix, err := r.bindings.Expand(*e.BodyPrefix)
		if err != nil || !bytes.HasPrefix(body, []byte(prefix)) {
			return fmt.Sprintf("body: expected to start with %q, got %s", prefix, shortenText(body))
		}
		return ""
	case len(e.JSONBody) > 0:
		return compareJSON(m, e.JSONBody, body)
	case len(e.Body) == 0:
		return ""
	case r.transcript.Format == Scheduler && e.Body[0] == '"':
		var text string
		if err := json.Unmarshal(e.Body, &text); err != nil {
			return err.Error()
		}
		return compareText(m, text, body)
	case e.JSONP != nil:
		inner, ok := unwrapJSONP(*e.JSONP, body)
		if !ok {
			return fmt.Sprintf("body: expected a call of %s, got %s", *e.JSONP, shortenText(body))
		}
		return compareJSON(m, e.Body, inner)
	default:
		return compareJSON(m, e.Body, body)
	}
}

// unwrapJSONP takes the JSON value out of "name(value);".
func unwrapJSONP(name string, body []byte) ([]byte, bool) {
	text := bytes.TrimSuffix(bytes.TrimSpace(body), []byte(";"))
	inner, ok := bytes.CutPrefix(text, []byte(name+"("))
	if !ok {
		return nil, false
	}
	return bytes.CutSuffix(inner, []byte(")"))
}

// compareText compares texts. Those that are RecordIO frames are compared by
// frame, because the order of members inside an event is free.
func compareText(m *matcher, expected string, body []byte) string {
	if m.sentence(expected, string(body)) {
		return ""
	}
	if theirs, ok := frames([]byte(expected)); ok {
		if ours, ok := frames(body); ok && m.match(theirs, ours) {
			return ""
		}
	}
	return fmt.Sprintf("body:\n- expected %s\n+ got      %s",
		shorten(m.bindings.show(expected), maxShownWhole), shortenText(body))
}

// frames reads a body that consists of RecordIO records of JSON.
func frames(body []byte) (any, bool) {
	reader := recordio.NewReader(bytes.NewReader(body), maxChunk)
	var list []any
	for {
		record, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return list, len(list) > 0
		}
		if err != nil {
			return nil, false
		}
		value, err := decode(record)
		if err != nil {
			return nil, false
		}
		list = append(list, value)
	}
}

func compareJSON(m *matcher, expected json.RawMessage, body []byte) string {
	e, err := decode(expected)
	if err != nil {
		return err.Error()
	}
	a, err := decode(body)
	if err != nil {
		return fmt.Sprintf("body: expected JSON, got %s", shortenText(body))
	}
	if m.match(e, a) {
		return ""
	}
	return "body: " + m.explain(e, a)
}

func shortenText(body []byte) string { return shorten(string(body), maxShownWhole) }

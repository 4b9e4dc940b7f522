package coresim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// specFile is the API's OpenAPI file, which lies beside the repository and is
// not part of it.
var specFile = filepath.Join("..", "..", "..", "..", "shared", "gsma", "mobile-money-api-1.2.0.yaml")

// spec holds requests and answers against the API's OpenAPI file. Its schemas
// are close to JSON schema draft 4: the file uses neither nullable nor a
// discriminator, and every reference is local.
type spec struct {
	doc      map[string]any
	compiler *jsonschema.Compiler

	mu      sync.Mutex
	schemas map[string]*jsonschema.Schema
	checked map[string]int // operations and statuses that were seen
}

// document is the file, read once: it has 11,000 lines.
var document = sync.OnceValues(func() (any, error) {
	source, err := os.ReadFile(specFile)
	if err != nil {
		return nil, err
	}
	var tree any
	if err := yaml.Unmarshal(source, &tree); err != nil {
		return nil, err
	}
	j, err := json.Marshal(tree)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(j))
})

func loadSpec(t *testing.T) *spec {
	t.Helper()
	doc, err := document()
	if errors.Is(err, fs.ErrNotExist) {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the OpenAPI file is needed in CI: %v", err)
		}
		t.Skipf("put the GSMA Mobile Money API 1.2.0 OpenAPI file at %s", specFile)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &spec{doc: doc.(map[string]any), compiler: jsonschema.NewCompiler(), schemas: make(map[string]*jsonschema.Schema), checked: make(map[string]int)}
	s.compiler.DefaultDraft(jsonschema.Draft4)
	s.compiler.AssertFormat()
	if err := s.compiler.AddResource("mem:///spec.json", doc); err != nil {
		t.Fatal(err)
	}
	return s
}

// at resolves local references until there is none.
func (s *spec) at(v any) map[string]any {
	m, _ := v.(map[string]any)
	for {
		ref, ok := m["$ref"].(string)
		if !ok {
			return m
		}
		var node any = s.doc
		for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
			node = node.(map[string]any)[part]
		}
		m = node.(map[string]any)
	}
}

// validate holds a JSON value against a schema of the document.
func (s *spec) validate(schema any, body []byte) error {
	text, err := json.Marshal(schema)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	compiled := s.schemas[string(text)]
	if compiled == nil {
		name := fmt.Sprintf("mem:///schema-%d.json", len(s.schemas))
		text := bytes.ReplaceAll(text, []byte(`"#/`), []byte(`"mem:///spec.json#/`))
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return err
		}
		if err := s.compiler.AddResource(name, v); err != nil {
			return err
		}
		if compiled, err = s.compiler.Compile(name); err != nil {
			return err
		}
		key, _ := json.Marshal(schema)
		s.schemas[string(key)] = compiled
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return compiled.Validate(v)
}

// operation finds what the document says of a request: the path with the most
// literal segments wins.
func (s *spec) operation(method, path string) (template string, item, op map[string]any) {
	best := -1
	parts := strings.Split(path, "/")
	for tmpl, v := range s.doc["paths"].(map[string]any) {
		names := strings.Split(tmpl, "/")
		if len(names) != len(parts) {
			continue
		}
		literal := 0
		for i, n := range names {
			if n == parts[i] {
				literal++
			} else if !strings.HasPrefix(n, "{") {
				literal = -1
				break
			}
		}
		it := s.at(v)
		if o, ok := it[strings.ToLower(method)]; ok && literal > best {
			best, template, item, op = literal, tmpl, it, s.at(o)
		}
	}
	return template, item, op
}

// parameters holds a request's path, query and headers against the document.
func (s *spec) parameters(template string, item, op map[string]any, r *http.Request, path string) error {
	var problems []error
	values := make(map[string]string)
	parts := strings.Split(path, "/")
	for i, n := range strings.Split(template, "/") {
		if strings.HasPrefix(n, "{") {
			values[strings.Trim(n, "{}")] = parts[i]
		}
	}
	list, _ := op["parameters"].([]any)
	more, _ := item["parameters"].([]any)
	known := map[string]bool{"x-request-deadline": true} // ours
	for _, v := range append(list[:len(list):len(list)], more...) {
		p := s.at(v)
		name, _ := p["name"].(string)
		var value string
		switch p["in"] {
		case "header":
			known[strings.ToLower(name)] = true
			value = r.Header.Get(name)
		case "query":
			value = r.URL.Query().Get(name)
		case "path":
			value = values[name]
		}
		if value == "" {
			continue
		}
		text, _ := json.Marshal(value)
		if schema, _ := p["schema"].(map[string]any); schema["type"] == "integer" {
			text = []byte(value)
		}
		if err := s.validate(p["schema"], text); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
	}
	for name := range r.Header {
		if n := strings.ToLower(name); strings.HasPrefix(n, "x-") && !known[n] && n != "x-channel" && n != "x-content-hash" {
			problems = append(problems, fmt.Errorf("the operation has no header %s", name))
		}
	}
	return errors.Join(problems...)
}

// wrap wraps a core so that every exchange is held against the document, the
// other side's half too. strict says that requests must be right.
func (s *spec) wrap(t *testing.T, h http.Handler, strict bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, ok := strings.CutPrefix(r.URL.Path, base)
		if !ok {
			h.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		template, item, op := s.operation(r.Method, path)
		if op == nil {
			if strict {
				t.Errorf("%s %s is not in the document", r.Method, path)
			}
			h.ServeHTTP(w, r)
			return
		}
		what := r.Method + " " + template
		if strict {
			if err := s.parameters(template, item, op, r, path); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			if rb := s.at(op["requestBody"]); rb != nil {
				if err := s.validate(schemaOf(rb), body); err != nil {
					t.Errorf("%s: request %s: %v", what, body, err)
				}
			}
		}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r) // a connection that is cut passes as a panic
		response := s.at(op["responses"].(map[string]any)[fmt.Sprint(rec.Code)])
		if response == nil {
			t.Errorf("%s: the document has no answer %d: %s", what, rec.Code, rec.Body)
		} else if response["content"] == nil {
			if rec.Body.Len() > 0 {
				t.Errorf("%s: answer %d has a body: %s", what, rec.Code, rec.Body)
			}
		} else if err := s.validate(schemaOf(response), rec.Body.Bytes()); err != nil {
			t.Errorf("%s: answer %d %s: %v", what, rec.Code, rec.Body, err)
		}
		if err := s.validate(map[string]any{"type": "string", "format": "date-time"}, fmt.Appendf(nil, "%q", rec.Header().Get("X-Date"))); err != nil {
			t.Errorf("%s: X-Date: %v", what, err)
		}
		s.mu.Lock()
		s.checked[fmt.Sprintf("%s %d", what, rec.Code)]++
		s.mu.Unlock()
		for k, v := range rec.Header() {
			w.Header()[k] = v
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	})
}

// seen says how often an operation was answered with a status.
func (s *spec) seen(operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.checked[operation]
}

func schemaOf(m map[string]any) any {
	return m["content"].(map[string]any)["application/json"].(map[string]any)["schema"]
}

// beginChecked serves a core whose every exchange is held against the document.
func beginChecked(t *testing.T, s *spec, cfg Config, strict bool) (*Core, string) {
	t.Helper()
	c := New(cfg)
	server := httptest.NewServer(s.wrap(t, c, strict))
	t.Cleanup(func() {
		server.Close()
		_ = c.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return c, server.URL
}

func TestDocumentIsEnforced(t *testing.T) {
	s := loadSpec(t)
	schemas := s.doc["components"].(map[string]any)["schemas"].(map[string]any)
	for _, tc := range []struct {
		schema, body string
		ok           bool
	}{
		{"errorObject", `{"errorCategory":"businessRule","errorCode":"duplicateRequest"}`, true},
		{"errorObject", `{"errorCategory":"businessrule","errorCode":"duplicateRequest"}`, false},
		{"errorObject", `{"errorCategory":"businessRule"}`, false},
		{"amount", `"5000"`, true},
		{"amount", `"05"`, false},
		{"requestStateObject", `{"serverCorrelationId":"1","status":"pending","notificationMethod":"polling"}`, false},
		{"requestTransactionType", `{"amount":"1","currency":"TZS","creditParty":[{"key":"a","value":"b"}]}`, true},
		{"requestTransactionType", `{"amount":"1","currency":"TZS"}`, false},
		{"requestTransactionType", `{"amount":"1","currency":"TZS","creditParty":[]}`, false},
		{"responseHeartbeat", `{"serviceStatus":"available","plannedRestorationTime":"tonight"}`, false},
	} {
		if err := s.validate(schemas[tc.schema], []byte(tc.body)); (err == nil) != tc.ok {
			t.Errorf("%s %s: %v", tc.schema, tc.body, err)
		}
	}
}

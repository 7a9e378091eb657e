package engine

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Registry is an image registry on the loopback interface, which engines trust
// without TLS. It holds one small image under every repository name that does
// not start with "missing", with the tag "1".
type Registry struct {
	// Host is the part of an image's name before the first slash.
	Host string
	// Stall, when closed, lets layers be downloaded whole; until then they stop
	// half-way. Nil never stops them.
	Stall <-chan struct{}
	// User and Password are asked for unless empty.
	User, Password string

	blobs    map[string][]byte
	manifest []byte
}

const (
	manifestType = "application/vnd.docker.distribution.manifest.v2+json"
	configType   = "application/vnd.docker.container.image.v1+json"
	layerType    = "application/vnd.docker.image.rootfs.diff.tar.gzip"
)

// NewRegistry starts a registry that ends with the test. Fields may be set
// until the first pull.
func NewRegistry(t testing.TB) *Registry {
	t.Helper()
	r := &Registry{blobs: map[string][]byte{}}
	r.build()
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.Host = strings.TrimPrefix(server.URL, "http://")
	return r
}

// Image is the name of an image in the registry.
func (r *Registry) Image(repository string) string { return r.Host + "/" + repository + ":1" }

// build makes an image of one layer that does not compress.
func (r *Registry) build() {
	noise := make([]byte, 1<<20)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	addFile(w, "noise", 0o644, noise)
	_ = w.Close()
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(layer.Bytes())
	_ = z.Close()

	config := toJSON(map[string]any{
		"architecture": "amd64", "os": "linux",
		"config":  map[string]any{"Cmd": []string{"/noise"}},
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []string{digest(layer.Bytes())}},
		"history": []any{map[string]any{"created": time.Unix(0, 0).UTC(), "created_by": "test"}},
	})
	r.manifest = toJSON(map[string]any{
		"schemaVersion": 2, "mediaType": manifestType,
		"config": r.add(configType, config),
		"layers": []any{r.add(layerType, zipped.Bytes())},
	})
}

// add keeps a blob and describes it.
func (r *Registry) add(mediaType string, blob []byte) map[string]any {
	r.blobs[digest(blob)] = blob
	return map[string]any{"mediaType": mediaType, "size": len(blob), "digest": digest(blob)}
}

func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	if user, password, _ := req.BasicAuth(); r.User != "" && (user != r.User || password != r.Password) {
		w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
		refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
		return
	}
	repository, rest, manifest := strings.Cut(strings.TrimPrefix(req.URL.Path, "/v2/"), "/manifests/")
	_, blobDigest, blob := strings.Cut(req.URL.Path, "/blobs/")
	switch {
	case req.URL.Path == "/v2/":
		w.WriteHeader(http.StatusOK)
	case manifest && (strings.HasPrefix(repository, "missing") || rest != "1" && rest != digest(r.manifest)):
		refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest unknown")
	case manifest:
		w.Header().Set("Content-Type", manifestType)
		w.Header().Set("Docker-Content-Digest", digest(r.manifest))
		_, _ = w.Write(r.manifest)
	case blob && r.blobs[blobDigest] != nil:
		r.send(w, req, r.blobs[blobDigest])
	default:
		refuse(w, http.StatusNotFound, "BLOB_UNKNOWN", "blob unknown")
	}
}

// send writes a blob, large ones with a halt in the middle.
func (r *Registry) send(w http.ResponseWriter, req *http.Request, blob []byte) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", fmt.Sprint(len(blob)))
	if req.Method == http.MethodHead {
		return
	}
	if r.Stall != nil && len(blob) > 1<<16 {
		_, _ = w.Write(blob[:len(blob)/2])
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Stall:
		case <-req.Context().Done():
			return
		}
		blob = blob[len(blob)/2:]
	}
	_, _ = w.Write(blob)
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(toJSON(map[string]any{"errors": []any{map[string]any{"code": code, "message": message}}}))
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// toJSON encodes what this file makes, which always can be.
func toJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

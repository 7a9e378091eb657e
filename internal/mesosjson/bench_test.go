package mesosjson_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/mesosjson"
)

// acceptOf is an ACCEPT that launches n tasks, as frameworks send it.
func acceptOf(n int) []byte {
	tasks := make([]string, n)
	for i := range tasks {
		tasks[i] = fmt.Sprintf(`{"name":"task %d","task_id":{"value":"job-7f3a.%d"},"agent_id":{"value":"aa6a0b3c-7d5e-4a54-8f0b-2f0f0c7a8f11-S%d"},
"command":{"value":"sleep 100 && echo done","shell":true,"environment":{"variables":[{"name":"INDEX","value":"%d"}]}},
"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":0.1},"allocation_info":{"role":"web"}},
{"name":"mem","type":"SCALAR","scalar":{"value":32},"allocation_info":{"role":"web"}},
{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":31000,"end":31001}]},"allocation_info":{"role":"web"}}]}`, i, i, i%10, i)
	}
	return []byte(`{"framework_id":{"value":"aa6a0b3c-7d5e-4a54-8f0b-2f0f0c7a8f11-0001"},"type":"ACCEPT","accept":{"offer_ids":[{"value":"aa6a0b3c-7d5e-4a54-8f0b-2f0f0c7a8f11-O17"}],"operations":[{"type":"LAUNCH","launch":{"task_infos":[` +
		strings.Join(tasks, ",") + `]}}],"filters":{"refuse_seconds":5.0}}}`)
}

func BenchmarkDecodeAccept(b *testing.B) {
	for _, tasks := range []int{1, 100} {
		body := acceptOf(tasks)
		b.Run(fmt.Sprintf("tasks=%d/mesosjson", tasks), func(b *testing.B) {
			decoder := mesosjson.NewDecoder[schedulerv1.Call](mesosjson.Limits{})
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := decoder.Decode(body); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("tasks=%d/encoding-json", tasks), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				var call schedulerv1.Call
				if err := json.Unmarshal(body, &call); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

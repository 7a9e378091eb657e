package read

import (
	"net/url"
	"strings"
	"testing"
)

func TestTasksAreFoundAndOrdered(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"":                              "t1 t3 t0 t2",
		"order=asc":                     "t2 t0 t3 t1",
		"order=nonsense":                "t1 t3 t0 t2",
		"limit=2":                       "t1 t3",
		"limit=2&offset=1":              "t3 t0",
		"limit=0":                       "",
		"limit=-1":                      "t1 t3 t0 t2",
		"limit=x&offset=y":              "t1 t3 t0 t2",
		"offset=-5":                     "t1 t3 t0 t2",
		"offset=99":                     "",
		"limit=99999999999999999999":    "t1 t3 t0 t2",
		"framework_id=F1":               "t1 t0",
		"framework_id=F0":               "t3",
		"framework_id=nope":             "",
		"task_id=t2":                    "t2",
		"framework_id=F1&task_id=t2":    "",
		"framework_id=F1&order=asc&x=y": "t0 t1",
	} {
		t.Run("?"+query, func(t *testing.T) {
			t.Parallel()
			values, err := url.ParseQuery(query)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, found := range selectTasks(sample(t), parseTaskQuery(values)) {
				got = append(got, found.TaskID.Value)
			}
			if text := strings.Join(got, " "); text != want {
				t.Errorf("got %q, want %q", text, want)
			}
		})
	}
}

package read

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/master"
)

// taskQuery is what /tasks is asked for.
type taskQuery struct {
	framework, task string
	limit, offset   int
	ascending       bool
}

// parseTaskQuery reads a query as Mesos does: what cannot be read counts as
// not given. A negative limit is none.
func parseTaskQuery(q url.Values) taskQuery {
	number := func(name string, otherwise int) int {
		n, err := strconv.Atoi(q.Get(name))
		if err != nil {
			return otherwise
		}
		return n
	}
	return taskQuery{
		framework: q.Get("framework_id"),
		task:      q.Get("task_id"),
		limit:     number("limit", 100),
		offset:    max(0, number("offset", 0)),
		ascending: q.Get("order") == "asc",
	}
}

// selectTasks gives the page of tasks that was asked for, in order.
func selectTasks(v *master.View, q taskQuery) []*mesosv1.Task {
	var found []*mesosv1.Task
	for _, frameworks := range [][]*master.FrameworkRecord{v.Frameworks, v.Completed} {
		for _, f := range frameworks {
			if q.framework != "" && string(f.ID) != q.framework {
				continue
			}
			for _, tasks := range [][]*mesosv1.Task{f.Tasks, f.Unreachable, f.Finished} {
				for _, t := range tasks {
					if q.task == "" || t.TaskID.Value == q.task {
						found = append(found, t)
					}
				}
			}
		}
	}
	slices.SortStableFunc(found, func(a, b *mesosv1.Task) int {
		if q.ascending {
			return cmp.Compare(firstStatus(a), firstStatus(b))
		}
		return cmp.Compare(firstStatus(b), firstStatus(a))
	})
	found = found[min(q.offset, len(found)):]
	if q.limit >= 0 {
		found = found[:min(q.limit, len(found))]
	}
	return found
}

// firstStatus is when the first status of a task came, in seconds since 1970;
// a task that has none yet counts as the oldest.
func firstStatus(t *mesosv1.Task) float64 {
	if len(t.Statuses) == 0 || t.Statuses[0].Timestamp == nil {
		return 0
	}
	return *t.Statuses[0].Timestamp
}

package mesosjson_test

import (
	"testing"

	"github.com/meseta/meseta/gen/agentv1"
	"github.com/meseta/meseta/gen/executorv1"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/nodev1"
	"github.com/meseta/meseta/gen/operatorv1"
	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/mesosjson"
)

// NewDecoder panics on a shape that it does not know, so this test is what
// keeps the generated types within the shapes that the package supports.
func TestEveryEnvelopeOfTheAPICanBeDecoded(t *testing.T) {
	t.Parallel()
	none := mesosjson.Limits{}
	mesosjson.NewDecoder[schedulerv1.Call](none)
	mesosjson.NewDecoder[schedulerv1.Event](none)
	mesosjson.NewDecoder[executorv1.Call](none)
	mesosjson.NewDecoder[executorv1.Event](none)
	mesosjson.NewDecoder[operatorv1.Call](none)
	mesosjson.NewDecoder[operatorv1.Event](none)
	mesosjson.NewDecoder[operatorv1.Response](none)
	mesosjson.NewDecoder[agentv1.Call](none)
	mesosjson.NewDecoder[agentv1.Response](none)
	mesosjson.NewDecoder[nodev1.Call](none)
	mesosjson.NewDecoder[nodev1.Event](none)
	mesosjson.NewDecoder[[]mesosv1.Resource](none)
}

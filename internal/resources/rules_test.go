package resources

import (
	"errors"
	"testing"
)

func TestRulesSpeakTheWordsOfMesos(t *testing.T) {
	t.Parallel()
	const dev = `"reservations":[{"type":"DYNAMIC","role":"dev","principal":"p1"}]`
	const disk = `{"name":"disk","type":"SCALAR","scalar":{"value":50},` + dev
	unique := func(list []Resource) error {
		return CheckUniquePersistence(list, New(volume("dev", "v0", 100)))
	}
	for _, test := range []struct {
		name  string
		check func([]Resource) error
		json  string
		want  string
	}{
		{"half a GPU", CheckGPUs, `[{"name":"gpus","type":"SCALAR","scalar":{"value":0.5}}]`, "Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer"},
		{"whole GPUs", CheckGPUs, `[{"name":"gpus","type":"SCALAR","scalar":{"value":2}},{"name":"cpus","type":"SCALAR","scalar":{"value":0.5}}]`, ""},
		{"no volume", CheckDiskInfo, `[` + disk + `,"disk":{"persistence":{"id":"v1"}}}]`, "Invalid DiskInfo: Expecting 'volume' to be set for persistent volume"},
		{"no persistence", CheckDiskInfo, `[` + disk + `,"disk":{"volume":{"mode":"RW","container_path":"x"}}}]`, "Invalid DiskInfo: Non-persistent volume not supported"},
		{"empty DiskInfo", CheckDiskInfo, `[` + disk + `,"disk":{}}]`, "Invalid DiskInfo: DiskInfo is set but empty"},
		{"only a source", CheckDiskInfo, `[` + disk + `,"disk":{"source":{"type":"PATH"}}}]`, ""},
		{"host path", CheckDiskInfo, `[` + disk + `,"disk":{"persistence":{"id":"v1"},"volume":{"mode":"RW","container_path":"data","host_path":"/x"}}}]`, "Invalid DiskInfo: Expecting 'host_path' to be unset for persistent volume"},
		{"unreserved", CheckDiskInfo, `[{"name":"disk","type":"SCALAR","scalar":{"value":50},"disk":{"persistence":{"id":"v1"},"volume":{"mode":"RW","container_path":"data"}}}]`, "Invalid DiskInfo: Persistent volumes cannot be created from unreserved resources"},
		{"revocable volume", CheckDiskInfo, `[` + disk + `,"revocable":{},"disk":{"persistence":{"id":"v1"},"volume":{"mode":"RW","container_path":"data"}}}]`, "Invalid DiskInfo: Persistent volumes cannot be created from revocable resources"},
		{"slash in the id", CheckDiskInfo, `[` + disk + `,"disk":{"persistence":{"id":"a/b"},"volume":{"mode":"RW","container_path":"data"}}}]`, "Invalid DiskInfo: Invalid persistence ID for persistent volume: 'a/b' contains invalid characters"},
		{"empty id", CheckDiskInfo, `[` + disk + `,"disk":{"persistence":{"id":""},"volume":{"mode":"RW","container_path":"data"}}}]`, "Invalid DiskInfo: Invalid persistence ID for persistent volume: ID must not be empty"},
		{"a good volume", CheckDiskInfo, `[` + disk + `,"disk":{"persistence":{"id":"v1"},"volume":{"mode":"RW","container_path":"data"}}}]`, ""},
		{"revocable reservation", CheckReservationInfo, `[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"allocation_info":{"role":"dev"},` + dev + `,"revocable":{}}]`, "Invalid ReservationInfo: Dynamically reserved resource cpus(allocated: dev)(reservations: [(DYNAMIC,dev,p1)]){REV}:1 cannot be created from revocable resources"},
		{"revocable and unreserved", CheckReservationInfo, `[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"revocable":{}}]`, ""},
		{"no resources at all", CheckSingleProvider, `[]`, "The resources have multiple resource providers: "},
		{"two providers", CheckSingleProvider, `[` + disk + `,"provider_id":{"value":"b"}},` + disk + `,"provider_id":{"value":"a"}}]`, "The resources have multiple resource providers: a, b"},
		{"one provider", CheckSingleProvider, `[` + disk + `}]`, ""},
		{"two allocation roles", CheckSingleAllocation, `[{"name":"cpus","type":"SCALAR","scalar":{"value":0.1},"allocation_info":{"role":"other"}},{"name":"mem","type":"SCALAR","scalar":{"value":32},"allocation_info":{"role":"dev"}}]`, "The resources have multiple allocation roles ('dev' and 'other') but only one allocation role is allowed"},
		{"one allocation role", CheckSingleAllocation, `[{"name":"cpus","type":"SCALAR","scalar":{"value":0.1},"allocation_info":{"role":"other"}},{"name":"mem","type":"SCALAR","scalar":{"value":32}}]`, ""},
		{"mixed revocability", CheckRevocableMix, `[{"name":"cpus","type":"SCALAR","scalar":{"value":0.1},"revocable":{}},{"name":"cpus","type":"SCALAR","scalar":{"value":0.1}}]`, "Cannot use both revocable and non-revocable 'cpus' at the same time"},
		{"different names differ", CheckRevocableMix, `[{"name":"cpus","type":"SCALAR","scalar":{"value":0.1},"revocable":{}},{"name":"mem","type":"SCALAR","scalar":{"value":1}}]`, ""},
		{"not a disk", CheckPersistentVolumes, `[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"allocation_info":{"role":"dev"},` + dev + `}]`, "Resource cpus(allocated: dev)(reservations: [(DYNAMIC,dev,p1)]):1 does not have DiskInfo"},
		{"plain disk", CheckPersistentVolumes, `[` + disk + `}]`, "Resource disk(reservations: [(DYNAMIC,dev,p1)]):50 does not have DiskInfo"},
		{"only a disk source", CheckPersistentVolumes, `[` + disk + `,"disk":{"source":{"type":"BLOCK"}}}]`, "'persistence' is not set in DiskInfo of resource disk(reservations: [(DYNAMIC,dev,p1)])[BLOCK]:50"},
		{"read only", CheckPersistentVolumes, `[` + disk + `,"disk":{"persistence":{"id":"v1"},"volume":{"mode":"RO","container_path":"data"}}}]`, "Read-only persistent volume not supported"},
		{"a persistent volume", CheckPersistentVolumes, `[` + disk + `,"disk":{"persistence":{"id":"v1"},"volume":{"mode":"RW","container_path":"data"}}}]`, ""},
		{"unreserved cpus", CheckDynamicallyReserved, `[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"allocation_info":{"role":"dev"}}]`, "Resource cpus(allocated: dev):1 is not dynamically reserved"},
		{"statically reserved cpus", CheckDynamicallyReserved, `[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"reservations":[{"type":"STATIC","role":"test"}]}]`, "Resource cpus(reservations: [(STATIC,test)]):1 is not dynamically reserved"},
		{"dynamically reserved", CheckDynamicallyReserved, `[` + disk + `}]`, ""},
		{"an id that exists", unique, `[` + disk + `,"disk":{"persistence":{"id":"v0"}}}]`, "Persistence ID 'v0' is not unique"},
		{"an id given twice", unique, `[` + disk + `,"disk":{"persistence":{"id":"x"}}},` + disk + `,"disk":{"persistence":{"id":"x"}}}]`, "Persistence ID 'x' is not unique"},
		{"new ids", unique, `[` + disk + `,"disk":{"persistence":{"id":"x"}}},` + disk + `}]`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			list, err := ListFromV1(decode(t, test.json))
			if err != nil {
				t.Fatal(err)
			}
			if err = test.check(list); test.want == "" && err != nil || test.want != "" && (err == nil || err.Error() != test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestResourcesThatBreakARuleAreRefusedWithTheirRendering(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		r    Resource
		want string
	}{
		{Resource{Name: Ports, Kind: KindRanges, Ranges: []Range{{31005, 31000}}}, "Resource 'ports:[31005-31000]' is invalid: Invalid ranges resource: begin > end"},
		{Resource{Name: "t", Kind: KindText}, "Resource 't:{}' is invalid: Unsupported resource type"},
		{scalar(CPUs, 1, &Meta{Shared: true}), "Resource 'cpus<SHARED>:1' is invalid: Only persistent volumes can be shared"},
	} {
		err := test.r.Validate()
		if err == nil || err.Error() != test.want {
			t.Errorf("got  %v\nwant %s", err, test.want)
		}
		if invalid, ok := errors.AsType[*InvalidError](err); !ok || errors.Unwrap(err) != invalid.Reason {
			t.Errorf("%T does not carry its reason", err)
		}
	}
	if err := volume("a", "v", 1).WithShared(true).Validate(); err != nil {
		t.Errorf("a good shared volume was refused: %v", err)
	}
}

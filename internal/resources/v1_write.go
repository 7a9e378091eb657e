package resources

import (
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/role"
)

// Format is one of the ways in which the v1 API writes reservations.
type Format uint8

const (
	// Post writes the stack of reservations and nothing else. It goes to
	// frameworks with RESERVATION_REFINEMENT and into most answers.
	Post Format = iota
	// Pre writes role and reservation as frameworks without that capability
	// know them; unreserved is role "*". A refined reservation has no such
	// form and is written as in Post.
	Pre
	// Endpoint writes both at once, for the older read endpoints.
	Endpoint
)

// ToV1 writes the collection in its order, each shared volume once. It returns
// nil for an empty collection. The messages share no memory with rs, except
// for a volume's original message.
func (rs Resources) ToV1(format Format) []mesosv1.Resource {
	if len(rs.list) == 0 {
		return nil
	}
	out := make([]mesosv1.Resource, len(rs.list))
	// One block for all scalars costs less than one allocation for each.
	scalars := make([]mesosv1.ValueScalar, len(rs.list))
	for i := range rs.list {
		rs.list[i].write(&out[i], &scalars[i], format)
	}
	return out
}

// ToV1 writes a single resource.
func (r Resource) ToV1(format Format) mesosv1.Resource {
	var out mesosv1.Resource
	r.write(&out, new(mesosv1.ValueScalar), format)
	return out
}

// write fills in out; scalar is where the amount goes if it is one.
func (r *Resource) write(out *mesosv1.Resource, scalar *mesosv1.ValueScalar, format Format) {
	out.Name = r.Name
	out.Type = mesosv1.ValueType(r.Kind.String())
	switch r.Kind {
	case KindScalar:
		scalar.Value = r.Scalar.Float()
		out.Scalar = scalar
	case KindRanges:
		out.Ranges = writeRanges(r.Ranges)
	case KindSet:
		out.Set = &mesosv1.ValueSet{Item: append([]string(nil), r.Set...)}
	}
	if r.Allocation != "" {
		out.AllocationInfo = &mesosv1.ResourceAllocationInfo{Role: new(r.Allocation)}
	}
	r.writeReservations(out, format)
	m := r.Meta
	if m == nil {
		return
	}
	out.Disk = writeDisk(m.Disk)
	if m.Revocable {
		out.Revocable = new(mesosv1.ResourceRevocableInfo)
	}
	if m.Shared {
		out.Shared = new(mesosv1.ResourceSharedInfo)
	}
	if m.ProviderID != "" {
		out.ProviderID = &mesosv1.ResourceProviderID{Value: m.ProviderID}
	}
}

func (r *Resource) writeReservations(out *mesosv1.Resource, format Format) {
	stack := r.Reservations()
	if format != Pre || len(stack) > 1 {
		for i := range stack {
			out.Reservations = append(out.Reservations, writeReservation(&stack[i]))
		}
	}
	if format == Post || len(stack) > 1 {
		return
	}
	if len(stack) == 0 {
		out.Role = new(role.Default)
		return
	}
	out.Role = new(stack[0].Role)
	if stack[0].Type == Dynamic {
		old := writeReservation(&stack[0])
		old.Type, old.Role = nil, nil
		out.Reservation = &old
	}
}

func writeReservation(r *Reservation) mesosv1.ResourceReservationInfo {
	out := mesosv1.ResourceReservationInfo{
		Type:   new(mesosv1.ResourceReservationInfoType(r.Type.String())),
		Role:   new(r.Role),
		Labels: writeLabels(r.Labels),
	}
	if r.HasPrincipal {
		out.Principal = new(r.Principal)
	}
	return out
}

func writeLabels(in []Label) *mesosv1.Labels {
	if len(in) == 0 {
		return nil
	}
	out := &mesosv1.Labels{Labels: make([]mesosv1.Label, len(in))}
	for i, l := range in {
		out.Labels[i].Key = l.Key
		if l.HasValue {
			out.Labels[i].Value = new(l.Value)
		}
	}
	return out
}

func writeRanges(in []Range) *mesosv1.ValueRanges {
	out := &mesosv1.ValueRanges{Range: make([]mesosv1.ValueRange, len(in))}
	for i, r := range in {
		out.Range[i] = mesosv1.ValueRange(r)
	}
	return out
}

func writeDisk(d *Disk) *mesosv1.ResourceDiskInfo {
	if d == nil {
		return nil
	}
	var out mesosv1.ResourceDiskInfo
	if p := d.Persistence; p != nil {
		out.Persistence = &mesosv1.ResourceDiskInfoPersistence{ID: p.ID}
		if p.HasPrincipal {
			out.Persistence.Principal = new(p.Principal)
		}
	}
	if v := d.Volume; v != nil {
		out.Volume = v.toV1()
	}
	if s := d.Source; s != nil {
		out.Source = s.toV1()
	}
	return &out
}

func (v *Volume) toV1() *mesosv1.Volume {
	if v.Original != nil {
		return v.Original
	}
	out := &mesosv1.Volume{Mode: mesosv1.VolumeMode(v.Mode.String()), ContainerPath: v.ContainerPath}
	if v.HasHostPath {
		out.HostPath = new(v.HostPath)
	}
	return out
}

func (s *DiskSource) toV1() *mesosv1.ResourceDiskInfoSource {
	out := &mesosv1.ResourceDiskInfoSource{
		Type:     mesosv1.ResourceDiskInfoSourceType(s.Type.String()),
		Vendor:   present(s.Vendor),
		ID:       present(s.ID),
		Profile:  present(s.Profile),
		Metadata: writeLabels(s.Metadata),
	}
	switch {
	case s.Root == "":
	case s.Type == SourcePath:
		out.Path = &mesosv1.ResourceDiskInfoSourcePath{Root: new(s.Root)}
	case s.Type == SourceMount:
		out.Mount = &mesosv1.ResourceDiskInfoSourceMount{Root: new(s.Root)}
	}
	return out
}

// present is nil for a field that "" marks as absent.
func present(s string) *string {
	if s == "" {
		return nil
	}
	return new(s)
}

package resources

import (
	"errors"
	"fmt"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/role"
)

// FromV1 reads resources of a message into a collection. All three wire
// formats are understood, see [Format]. An invalid resource gives an
// *[InvalidError] with Mesos's text; zero amounts are valid and vanish. The
// result may share memory with the messages, which are not written to later.
func FromV1(in []mesosv1.Resource) (Resources, error) {
	list, err := ListFromV1(in)
	if err != nil {
		return Resources{}, err
	}
	return New(list...), nil
}

// ListFromV1 is [FromV1] without merging, for rules that look at the
// resources one by one.
func ListFromV1(in []mesosv1.Resource) ([]Resource, error) {
	out := make([]Resource, len(in))
	for i := range in {
		var err error
		if out[i], err = OneFromV1(&in[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// OneFromV1 reads a single resource, see [FromV1]. The result is in normal
// form but not merged with anything.
func OneFromV1(in *mesosv1.Resource) (Resource, error) {
	r, reason := readAmount(in)
	r.Meta = readMeta(in)
	if in.AllocationInfo != nil && in.AllocationInfo.Role != nil {
		r.Allocation = *in.AllocationInfo.Role
	}
	if in.Name == "" {
		reason = errors.New("Empty resource name")
	}
	if reason == nil {
		reason = invalidFormat(in)
	}
	if reason == nil {
		reason = r.invalid()
	}
	if reason != nil {
		return Resource{}, &InvalidError{r.String(), reason}
	}
	r.normalise()
	return r, nil
}

// AllocationRole is the role that the resources of one task, executor or offer
// are allocated to, "" for none. It is the same for all of them.
func AllocationRole(in []mesosv1.Resource) string {
	for i := range in {
		if a := in[i].AllocationInfo; a != nil && a.Role != nil {
			return *a.Role
		}
	}
	return ""
}

// readAmount reads name, kind and amount. Together with the reason against
// them it returns as much as an error text can show.
func readAmount(in *mesosv1.Resource) (Resource, error) {
	r := Resource{Name: in.Name}
	switch in.Type {
	case mesosv1.ValueTypeScalar:
		if in.Scalar == nil || in.Ranges != nil || in.Set != nil {
			return r, errors.New("Invalid scalar resource")
		}
		return r, r.readScalar(in.Scalar.Value)
	case mesosv1.ValueTypeRanges:
		r.Kind = KindRanges
		if in.Ranges == nil || in.Scalar != nil || in.Set != nil {
			return r, errors.New("Invalid ranges resource")
		}
		r.Ranges = readRanges(in.Ranges)
	case mesosv1.ValueTypeSet:
		r.Kind = KindSet
		if in.Set == nil || in.Scalar != nil || in.Ranges != nil {
			return r, errors.New("Invalid set resource")
		}
		r.Set = in.Set.Item
	case mesosv1.ValueTypeText:
		return r, errors.New("Unsupported resource type")
	default:
		return r, errors.New("Invalid resource type")
	}
	return r, nil
}

// readScalar refuses what is too small to count as well: it is not zero, but
// would be after rounding.
func (r *Resource) readScalar(v float64) error {
	s, err := signedScalar(v)
	if err != nil {
		return fmt.Errorf("Invalid scalar resource: %w", err)
	}
	r.Scalar = s
	if v < 0 || v > 0 && s == 0 {
		return errors.New("Invalid scalar resource: value <= 0")
	}
	return nil
}

func readRanges(in *mesosv1.ValueRanges) []Range {
	if len(in.Range) == 0 {
		return nil
	}
	out := make([]Range, len(in.Range))
	for i, r := range in.Range {
		out[i] = Range(r)
	}
	return out
}

// readMeta collects what is beyond name, amount and allocation; nil if there
// is nothing of the kind.
func readMeta(in *mesosv1.Resource) *Meta {
	m := Meta{
		Reservations: readReservations(in),
		Disk:         readDisk(in.Disk),
		Revocable:    in.Revocable != nil,
		Shared:       in.Shared != nil,
	}
	if in.ProviderID != nil {
		m.ProviderID = intern(in.ProviderID.Value)
	}
	if m.ProviderID == "" && m.Disk == nil && !m.Revocable && !m.Shared && len(m.Reservations) == 0 {
		return nil
	}
	return new(m)
}

// readReservations returns the stack, be it written as such or as the role
// and reservation of the older format.
func readReservations(in *mesosv1.Resource) []Reservation {
	if len(in.Reservations) > 0 {
		stack := make([]Reservation, len(in.Reservations))
		for i := range in.Reservations {
			stack[i] = readReservation(&in.Reservations[i])
		}
		return stack
	}
	owner := valueOf(in.Role)
	if in.Role == nil || owner == role.Default {
		return nil
	}
	r := Reservation{Type: Static}
	if in.Reservation != nil {
		r = readReservation(in.Reservation)
		r.Type = Dynamic
	}
	r.Role = intern(owner)
	return []Reservation{r}
}

func readReservation(in *mesosv1.ResourceReservationInfo) Reservation {
	r := Reservation{
		Role:         intern(valueOf(in.Role)),
		Principal:    valueOf(in.Principal),
		HasPrincipal: in.Principal != nil,
		Labels:       readLabels(in.Labels),
	}
	switch valueOf(in.Type) {
	case mesosv1.ResourceReservationInfoTypeStatic:
		r.Type = Static
	case mesosv1.ResourceReservationInfoTypeDynamic:
		r.Type = Dynamic
	}
	return r
}

func readLabels(in *mesosv1.Labels) []Label {
	if in == nil || len(in.Labels) == 0 {
		return nil
	}
	out := make([]Label, len(in.Labels))
	for i, l := range in.Labels {
		out[i] = Label{Key: l.Key, Value: valueOf(l.Value), HasValue: l.Value != nil}
	}
	return out
}

func readDisk(in *mesosv1.ResourceDiskInfo) *Disk {
	if in == nil {
		return nil
	}
	var d Disk
	if p := in.Persistence; p != nil {
		d.Persistence = &Persistence{ID: p.ID, Principal: valueOf(p.Principal), HasPrincipal: p.Principal != nil}
	}
	if v := in.Volume; v != nil {
		d.Volume = &Volume{
			ContainerPath: v.ContainerPath,
			HostPath:      valueOf(v.HostPath),
			HasHostPath:   v.HostPath != nil,
		}
		switch v.Mode {
		case mesosv1.VolumeModeRw:
			d.Volume.Mode = ReadWrite
		case mesosv1.VolumeModeRo:
			d.Volume.Mode = ReadOnly
		}
		if v.Image != nil || v.Source != nil {
			d.Volume.Original = v
		}
	}
	if s := in.Source; s != nil {
		d.Source = readSource(s)
	}
	return &d
}

func readSource(in *mesosv1.ResourceDiskInfoSource) *DiskSource {
	s := &DiskSource{
		Vendor:   valueOf(in.Vendor),
		ID:       valueOf(in.ID),
		Profile:  valueOf(in.Profile),
		Metadata: readLabels(in.Metadata),
	}
	switch in.Type {
	case mesosv1.ResourceDiskInfoSourceTypePath:
		s.Type = SourcePath
		if in.Path != nil {
			s.Root = valueOf(in.Path.Root)
		}
	case mesosv1.ResourceDiskInfoSourceTypeMount:
		s.Type = SourceMount
		if in.Mount != nil {
			s.Root = valueOf(in.Mount.Root)
		}
	case mesosv1.ResourceDiskInfoSourceTypeBlock:
		s.Type = SourceBlock
	case mesosv1.ResourceDiskInfoSourceTypeRaw:
		s.Type = SourceRaw
	}
	return s
}

// invalidFormat checks how the reservations are written; what they say is
// checked by [Resource.Validate].
func invalidFormat(in *mesosv1.Resource) error {
	if old := in.Reservation; old != nil {
		switch {
		case old.Type != nil:
			return errors.New("'Resource.ReservationInfo.type' must not be set for the 'Resource.reservation' field")
		case old.Role != nil:
			return errors.New("'Resource.ReservationInfo.role' must not be set for the 'Resource.reservation' field")
		case len(in.Reservations) == 0 && (in.Role == nil || *in.Role == role.Default):
			return errors.New(`Invalid reservation: role "*" cannot be dynamically reserved`)
		}
	}
	if in.Role != nil && len(in.Reservations) == 0 {
		// An empty role would otherwise read as one that is merely absent.
		if err := role.Validate(*in.Role); err != nil {
			return err
		}
	}
	for i := range in.Reservations {
		switch t := in.Reservations[i].Type; {
		case t == nil || *t == mesosv1.ResourceReservationInfoTypeUnknown:
			return errors.New("Invalid reservation: 'Resource.ReservationInfo.type' field must be set.")
		case in.Reservations[i].Role == nil:
			return errors.New("Invalid reservation: 'Resource.ReservationInfo.role' field must be set.")
		}
	}
	switch len(in.Reservations) {
	case 0:
		return nil
	case 1:
		return invalidRepetition(in)
	}
	if in.Role != nil {
		return errors.New("Invalid resource format: 'Resource.role' must not be set together with a refined reservation")
	}
	if in.Reservation != nil {
		return errors.New("Invalid resource format: 'Resource.reservation' must not be set together with a refined reservation")
	}
	return nil
}

// invalidRepetition checks that role and reservation, where they repeat the
// only entry of the stack, say the same as it does.
func invalidRepetition(in *mesosv1.Resource) error {
	entry := readReservation(&in.Reservations[0])
	if in.Role != nil && *in.Role != entry.Role {
		return fmt.Errorf("Invalid resource format: 'Resource.role' field with '%s' does not match the role '%s' in 'Resource.reservations'", *in.Role, entry.Role)
	}
	if entry.Type == Static {
		if in.Reservation != nil {
			return errors.New("Invalid resource format: 'Resource.reservation' must not be set if the single reservation in 'Resource.reservations' is STATIC")
		}
		return nil
	}
	if (in.Role != nil) != (in.Reservation != nil) {
		return errors.New("Invalid resource format: 'Resource.role' and 'Resource.reservation' must either be both set or both not set if the single reservation in 'Resource.reservations' is DYNAMIC")
	}
	if in.Reservation == nil {
		return nil
	}
	old := readReservation(in.Reservation)
	old.Type, old.Role = entry.Type, entry.Role
	if !old.Equal(entry) {
		return errors.New("Invalid resource format: 'Resource.reservation' does not match the single reservation in 'Resource.reservations'")
	}
	return nil
}

// valueOf returns what p points at, or the zero value for an absent field.
func valueOf[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

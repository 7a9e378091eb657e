package resources

import "strconv"

// String renders the objects as Mesos does in its messages, in their order:
// "cpus:4; mem:2048; ports:[31000-32000]", and "{}" when there are none. The
// number of users follows a shared volume: "disk[v:data]<SHARED>:64<2>".
func (rs Resources) String() string {
	if len(rs.list) == 0 {
		return "{}"
	}
	var b []byte
	for i := range rs.list {
		if i > 0 {
			b = append(b, "; "...)
		}
		r := &rs.list[i]
		b = r.append(b)
		if r.Shared() {
			b = append(b, '<')
			b = strconv.AppendInt(b, int64(r.Count), 10)
			b = append(b, '>')
		}
	}
	return string(b)
}

// String renders one resource: name, allocation, reservations, disk, marks
// and amount.
func (r Resource) String() string { return string(r.append(nil)) }

func (r *Resource) append(b []byte) []byte {
	b = append(b, r.Name...)
	if r.Allocation != "" {
		b = append(b, "(allocated: "...)
		b = append(b, r.Allocation...)
		b = append(b, ')')
	}
	if stack := r.Reservations(); len(stack) > 0 {
		b = append(b, "(reservations: ["...)
		for i := range stack {
			if i > 0 {
				b = append(b, ',')
			}
			b = stack[i].append(b)
		}
		b = append(b, "])"...)
	}
	if disk := r.Disk(); disk != nil {
		b = append(b, '[')
		b = disk.append(b)
		b = append(b, ']')
	}
	if r.Revocable() {
		b = append(b, "{REV}"...)
	}
	if r.Shared() {
		b = append(b, "<SHARED>"...)
	}
	b = append(b, ':')
	switch r.Kind {
	case KindScalar:
		return r.Scalar.append(b)
	case KindRanges:
		return appendRanges(b, r.Ranges)
	default:
		return appendSet(b, r.Set)
	}
}

// String renders "(DYNAMIC,role,principal,{key: value})", leaving out what is
// not set.
func (r Reservation) String() string { return string(r.append(nil)) }

func (r *Reservation) append(b []byte) []byte {
	b = append(b, '(')
	b = append(b, r.Type.String()...)
	b = append(b, ',')
	b = append(b, r.Role...)
	if r.HasPrincipal {
		b = append(b, ',')
		b = append(b, r.Principal...)
	}
	if len(r.Labels) > 0 {
		b = append(b, ",{"...)
		for i, l := range r.Labels {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = append(b, l.Key...)
			if l.HasValue {
				b = append(b, ": "...)
				b = append(b, l.Value...)
			}
		}
		b = append(b, '}')
	}
	return append(b, ')')
}

// String renders source, persistence id and place: "MOUNT:/mnt/d,v1:data".
func (d *Disk) String() string {
	if d == nil {
		return ""
	}
	return string(d.append(nil))
}

func (d *Disk) append(b []byte) []byte {
	if s := d.Source; s != nil {
		b = append(b, s.Type.String()...)
		if s.ID != "" || s.Profile != "" {
			b = append(b, '(')
			b = append(b, s.Vendor...)
			b = append(b, ',')
			b = append(b, s.ID...)
			b = append(b, ',')
			b = append(b, s.Profile...)
			b = append(b, ')')
		}
		if s.Root != "" {
			b = append(b, ':')
			b = append(b, s.Root...)
		}
		if d.Persistence != nil {
			b = append(b, ',')
		}
	}
	if d.Persistence != nil {
		b = append(b, d.Persistence.ID...)
	}
	if v := d.Volume; v != nil {
		b = append(b, ':')
		if v.HasHostPath {
			b = append(b, v.HostPath...)
			b = append(b, ':')
		}
		b = append(b, v.ContainerPath...)
		if v.HasHostPath {
			switch v.Mode {
			case ReadWrite:
				b = append(b, ":rw"...)
			case ReadOnly:
				b = append(b, ":ro"...)
			}
		}
	}
	return b
}

// appendRanges renders "[1-2, 5-9]".
func appendRanges(b []byte, ranges []Range) []byte {
	b = append(b, '[')
	for i, r := range ranges {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = strconv.AppendUint(b, r.Begin, 10)
		b = append(b, '-')
		b = strconv.AppendUint(b, r.End, 10)
	}
	return append(b, ']')
}

// appendSet renders "{a, b}".
func appendSet(b []byte, set []string) []byte {
	b = append(b, '{')
	for i, item := range set {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, item...)
	}
	return append(b, '}')
}

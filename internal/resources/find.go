package resources

// FindOne looks for the amount and the properties of target here, whatever its
// reservations say about who owns it: first among what is reserved to the role
// that target names, then among unreserved resources, then anywhere. The
// result carries the reservations of what was found; false means there is not
// enough.
func (rs Resources) FindOne(target Resource) (Resources, bool) {
	owner := target.ReservationRole()
	remaining := New(target.withReservations(nil))
	total := Builder{}
	total.Reset(rs)
	var found Builder

	stages := [...]func(*Resource) bool{
		func(r *Resource) bool { return owner != "" && r.ReservationRole() == owner },
		func(r *Resource) bool { return !r.Reserved() },
		func(*Resource) bool { return true },
	}
	for _, eligible := range stages {
		candidates := total.Resources().Filter(eligible)
		for candidate := range candidates.All() {
			if remaining.Empty() {
				return found.take(), true
			}
			one := Resources{[]Resource{*candidate}}
			plain := one.ToUnreserved()
			switch {
			case plain.Contains(remaining):
				for _, r := range remaining.list {
					r = r.withReservations(candidate.Reservations())
					found.add(&r)
				}
				return found.take(), true
			case remaining.Contains(plain):
				found.Add(one)
				total.Subtract(one)
				remaining = remaining.Subtract(plain)
			}
		}
	}
	return found.take(), remaining.Empty()
}

// Find looks for every object of targets in turn, each in what the earlier
// ones left over; see [Resources.FindOne].
func (rs Resources) Find(targets Resources) (Resources, bool) {
	total, found := rs, Resources{}
	for target := range targets.All() {
		part, ok := total.FindOne(*target)
		if !ok {
			return Resources{}, false
		}
		found = found.Add(part)
		total = total.Subtract(part)
	}
	return found, true
}

package resources

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/meseta/meseta/internal/mesosid"
)

// The rules below hold for the resources of tasks, executors and operations,
// each in its own place. Their texts are Mesos's; callers put the context in
// front. They take the resources as listed in a message, since merging them
// would hide what is wrong with single ones.

// CheckGPUs refuses fractions of a GPU.
func CheckGPUs(list []Resource) error {
	for i := range list {
		if r := &list[i]; r.Name == GPUs && r.Kind == KindScalar && r.Scalar%Unit != 0 {
			return errors.New("Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer")
		}
	}
	return nil
}

// CheckDiskInfo refuses disks that are not described as a persistent volume or
// a disk source should be.
func CheckDiskInfo(list []Resource) error {
	for i := range list {
		if reason := badDisk(&list[i]); reason != "" {
			return errors.New("Invalid DiskInfo: " + reason)
		}
	}
	return nil
}

func badDisk(r *Resource) string {
	disk := r.Disk()
	switch {
	case disk == nil:
		return ""
	case disk.Persistence == nil && disk.Volume != nil:
		return "Non-persistent volume not supported"
	case disk.Persistence == nil && disk.Source == nil:
		return "DiskInfo is set but empty"
	case disk.Persistence == nil:
		return ""
	case r.Revocable():
		return "Persistent volumes cannot be created from revocable resources"
	case !r.Reserved():
		return "Persistent volumes cannot be created from unreserved resources"
	case disk.Volume == nil:
		return "Expecting 'volume' to be set for persistent volume"
	case disk.Volume.HasHostPath:
		return "Expecting 'host_path' to be unset for persistent volume"
	}
	if err := mesosid.Validate(disk.Persistence.ID); err != nil {
		return "Invalid persistence ID for persistent volume: " + err.Error()
	}
	return ""
}

// CheckReservationInfo refuses dynamic reservations of revocable resources.
func CheckReservationInfo(list []Resource) error {
	for i := range list {
		if r := &list[i]; r.DynamicallyReserved() && r.Revocable() {
			return fmt.Errorf("Invalid ReservationInfo: Dynamically reserved resource %v cannot be created from revocable resources", *r)
		}
	}
	return nil
}

// CheckSingleProvider refuses a list that is empty or mixes providers.
func CheckSingleProvider(list []Resource) error {
	var providers []string
	for i := range list {
		if id := list[i].ProviderID(); !slices.Contains(providers, id) {
			providers = append(providers, id)
		}
	}
	if len(providers) == 1 {
		return nil
	}
	slices.Sort(providers)
	return errors.New("The resources have multiple resource providers: " + strings.Join(providers, ", "))
}

// CheckSingleAllocation refuses resources allocated to different roles.
// Resources without allocation do not count.
func CheckSingleAllocation(list []Resource) error {
	var roles []string
	for i := range list {
		if a := list[i].Allocation; a != "" && !slices.Contains(roles, a) {
			roles = append(roles, a)
		}
	}
	if len(roles) < 2 {
		return nil
	}
	slices.Sort(roles)
	return fmt.Errorf("The resources have multiple allocation roles ('%s' and '%s') but only one allocation role is allowed", roles[0], roles[1])
}

// CheckRevocableMix refuses revocable and other resources under one name.
func CheckRevocableMix(list []Resource) error {
	revocable := make(map[string]bool, len(list))
	for i := range list {
		r := &list[i]
		if before, seen := revocable[r.Name]; seen && before != r.Revocable() {
			return fmt.Errorf("Cannot use both revocable and non-revocable '%s' at the same time", r.Name)
		}
		revocable[r.Name] = r.Revocable()
	}
	return nil
}

// CheckPersistentVolumes refuses resources that are not persistent volumes
// which may be created or destroyed.
func CheckPersistentVolumes(list []Resource) error {
	for i := range list {
		r := &list[i]
		switch disk := r.Disk(); {
		case disk == nil:
			return fmt.Errorf("Resource %v does not have DiskInfo", *r)
		case disk.Persistence == nil:
			return fmt.Errorf("'persistence' is not set in DiskInfo of resource %v", *r)
		case disk.Volume != nil && disk.Volume.Mode == ReadOnly:
			return errors.New("Read-only persistent volume not supported")
		}
	}
	return nil
}

// CheckDynamicallyReserved refuses resources whose owning reservation is
// missing or static.
func CheckDynamicallyReserved(list []Resource) error {
	for i := range list {
		if r := &list[i]; !r.DynamicallyReserved() {
			return fmt.Errorf("Resource %v is not dynamically reserved", *r)
		}
	}
	return nil
}

// CheckUniquePersistence refuses a persistence id that occurs twice for one
// role, in the list itself or together with what is already there. Shared
// volumes may repeat among what is used, and are not looked at.
func CheckUniquePersistence(list []Resource, existing Resources) error {
	type volume struct{ role, id string }
	seen := make(map[volume]bool)
	for r := range existing.All() {
		if r.PersistentVolume() {
			seen[volume{r.ReservationRole(), r.Disk().Persistence.ID}] = true
		}
	}
	for i := range list {
		r := &list[i]
		if !r.PersistentVolume() {
			continue
		}
		key := volume{r.ReservationRole(), r.Disk().Persistence.ID}
		if seen[key] {
			return fmt.Errorf("Persistence ID '%s' is not unique", key.id)
		}
		seen[key] = true
	}
	return nil
}

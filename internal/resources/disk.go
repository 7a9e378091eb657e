package resources

import "github.com/meseta/meseta/gen/mesosv1"

// Disk describes the disk that a "disk" resource stands for.
type Disk struct {
	// Source is the device or directory, nil for the agent's root disk.
	Source *DiskSource
	// Persistence makes it a persistent volume, nil for plain space.
	Persistence *Persistence
	// Volume says where the volume appears in a container. It is not part of
	// the identity: a task may mount the same volume at another path.
	Volume *Volume
}

// DiskSourceType tells how a disk is attached.
type DiskSourceType uint8

// The kinds of disk source, numbered as in the API.
const (
	SourceUnknown DiskSourceType = iota
	// SourcePath is a directory that can be divided.
	SourcePath
	// SourceMount is a mounted file system, used whole.
	SourceMount
	// SourceBlock is a block device, used whole.
	SourceBlock
	// SourceRaw is storage that has not been turned into one of the others.
	SourceRaw
)

// String returns the name used on the wire.
func (t DiskSourceType) String() string {
	switch t {
	case SourcePath:
		return "PATH"
	case SourceMount:
		return "MOUNT"
	case SourceBlock:
		return "BLOCK"
	case SourceRaw:
		return "RAW"
	}
	return "UNKNOWN"
}

// DiskSource identifies the device or directory behind a disk. An empty string
// means that the field is absent.
type DiskSource struct {
	Type DiskSourceType
	// Root is the directory of a PATH or the mount point of a MOUNT.
	Root string
	// Vendor, ID, Profile and Metadata come from storage plugins.
	Vendor, ID, Profile string
	Metadata            []Label
}

// Persistence names a persistent volume. The principal that created it is
// remembered but is not part of the identity.
type Persistence struct {
	ID           string
	Principal    string
	HasPrincipal bool
}

// VolumeMode tells whether a volume may be written.
type VolumeMode uint8

const (
	// ReadWrite is the mode of a persistent volume when it is created.
	ReadWrite VolumeMode = iota + 1
	// ReadOnly lets a task look at a volume only.
	ReadOnly
)

// String returns the name used on the wire.
func (m VolumeMode) String() string {
	switch m {
	case ReadWrite:
		return "RW"
	case ReadOnly:
		return "RO"
	}
	return ""
}

// Volume is the place of a disk inside a container.
type Volume struct {
	Mode          VolumeMode
	ContainerPath string
	HostPath      string
	HasHostPath   bool
	// Original is the message as it came, when it says more than the fields
	// above; it is echoed unchanged and must not be written to.
	Original *mesosv1.Volume
}

// Equal compares source and persistence id, the identity of a disk.
func (d *Disk) Equal(o *Disk) bool {
	if d == o {
		return true
	}
	if d == nil || o == nil {
		return false
	}
	return d.Source.Equal(o.Source) && d.Persistence.equal(o.Persistence)
}

// Equal compares every field; metadata labels have no order.
func (s *DiskSource) Equal(o *DiskSource) bool {
	if s == o {
		return true
	}
	if s == nil || o == nil {
		return false
	}
	return s.Type == o.Type && s.Root == o.Root && s.Vendor == o.Vendor &&
		s.ID == o.ID && s.Profile == o.Profile && equalLabels(s.Metadata, o.Metadata)
}

func (p *Persistence) equal(o *Persistence) bool {
	if p == nil || o == nil {
		return p == o
	}
	return p.ID == o.ID
}

// whole reports whether the disk can only be used as one piece.
func (d *Disk) whole() bool {
	if d == nil {
		return false
	}
	if d.Persistence != nil {
		return true
	}
	if d.Source == nil {
		return false
	}
	switch d.Source.Type {
	case SourceMount, SourceBlock:
		return true
	case SourceRaw:
		return d.Source.ID != ""
	}
	return false
}

package resources

import "unique"

// intern returns one common copy of equal strings. Names and roles repeat on
// every agent, and strings that share their memory compare at once.
func intern(s string) string {
	switch s {
	case "":
		return ""
	case CPUs:
		return CPUs
	case Mem:
		return Mem
	case DiskSpace:
		return DiskSpace
	case Ports:
		return Ports
	case GPUs:
		return GPUs
	}
	return unique.Make(s).Value()
}

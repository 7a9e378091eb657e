package agent

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/resources"
)

// reconfigured says what forbids that an agent goes on under another
// configuration, nil when nothing does.
func reconfigured(policy Reconfiguration, before, after mesosv1.AgentInfo) error {
	var errs []error
	differs := func(what string, before, after any) {
		errs = append(errs, fmt.Errorf("%s: before %v, now %v", what, before, after))
	}
	if before.Hostname != after.Hostname {
		differs("hostname", before.Hostname, after.Hostname)
	}
	if !reflect.DeepEqual(before.Port, after.Port) {
		differs("port", value(before.Port), value(after.Port))
	}
	additive := policy == ReconfigureAdditive
	if !reflect.DeepEqual(before.Domain, after.Domain) && !(additive && before.Domain == nil) {
		errs = append(errs, errors.New("the fault domain differs"))
	}
	had, err := resources.FromV1(before.Resources)
	has, afterErr := resources.FromV1(after.Resources)
	if err = errors.Join(err, afterErr); err != nil {
		return errors.Join(append(errs, err)...)
	}
	if additive && !has.Contains(had) || !additive && !has.Equal(had) {
		differs("resources", had, has)
	}
	if err := attributesReconfigured(additive, before.Attributes, after.Attributes); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func value(port *int32) int32 {
	if port == nil {
		return 0
	}
	return *port
}

func attributesReconfigured(additive bool, before, after []mesosv1.Attribute) error {
	had, err := resources.AttributesFromV1(before)
	has, afterErr := resources.AttributesFromV1(after)
	if err = errors.Join(err, afterErr); err != nil {
		return err
	}
	if !additive {
		if !had.Equal(has) {
			return fmt.Errorf("attributes: before %v, now %v", had, has)
		}
		return nil
	}
	for _, a := range had {
		found := false
		for _, b := range has {
			found = found || a.Equal(b) || a.Name == b.Name && rangesGrew(a, b)
		}
		if !found {
			return fmt.Errorf("attribute %v is missing or has changed", a)
		}
	}
	return nil
}

// rangesGrew reports whether every range of a is within one of b.
func rangesGrew(a, b resources.Attribute) bool {
	if a.Kind != resources.KindRanges || b.Kind != resources.KindRanges {
		return false
	}
	for _, inner := range a.Ranges {
		within := false
		for _, outer := range b.Ranges {
			within = within || outer.Begin <= inner.Begin && inner.End <= outer.End
		}
		if !within {
			return false
		}
	}
	return true
}

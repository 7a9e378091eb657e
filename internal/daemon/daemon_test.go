package daemon

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/meseta/meseta/internal/config"
)

func TestOthersAreToldThePortThatTheSystemChose(t *testing.T) {
	t.Parallel()
	listener, endpoint, err := Listen(t.Context(), config.Network{IP: netip.MustParseAddr("127.0.0.1")})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if got := endpoint.Address(); got != listener.Addr().String() || endpoint.Port == 0 {
		t.Errorf("told %s, listening on %s", got, listener.Addr())
	}
}

func TestAPortThatIsTakenIsNamed(t *testing.T) {
	t.Parallel()
	listener, endpoint, err := Listen(t.Context(), config.Network{IP: netip.MustParseAddr("127.0.0.1")})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, _, err = Listen(t.Context(), config.Network{IP: endpoint.IP, Port: endpoint.Port})
	if err == nil || !strings.Contains(err.Error(), endpoint.Address()) {
		t.Errorf("%v", err)
	}
}

func TestAnAddressThatWasNotDiscoveredIsNotListenedOn(t *testing.T) {
	t.Parallel()
	_, _, err := Listen(t.Context(), config.Network{IPDiscoveryCommand: "echo nowhere"})
	if err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("%v", err)
	}
}

func TestADomainThatCannotBeReadIsBlamedOnItsFlag(t *testing.T) {
	t.Parallel()
	if domain, err := Domain(nil); domain != nil || err != nil {
		t.Errorf("no domain: %v, %v", domain, err)
	}
	text := []byte(`{"fault_domain":{"region":{"name":"eu"},"zone":{"name":"a"}}}`)
	if domain, err := Domain(text); err != nil || domain.FaultDomain.Zone.Name != "a" {
		t.Errorf("%+v, %v", domain, err)
	}
	if _, err := Domain([]byte(`{"fault_domain":1}`)); err == nil || !strings.HasPrefix(err.Error(), "--domain: ") {
		t.Errorf("%v", err)
	}
}

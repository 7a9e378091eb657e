package docker

import (
	"encoding/base64"
	"encoding/json"

	"github.com/distribution/reference"
	"github.com/moby/moby/api/types/registry"
)

// registryAuth is the header by which the engine gets the credentials for an
// image's registry; empty when there are none.
func (c *Containerizer) registryAuth(image string) (string, error) {
	if c.opts.Credentials == nil {
		return "", nil
	}
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return "", err
	}
	host := reference.Domain(named)
	found, ok := c.opts.Credentials(host)
	if !ok {
		return "", nil
	}
	data, err := json.Marshal(registry.AuthConfig{
		Username: found.Username, Password: found.Password,
		IdentityToken: found.IdentityToken, ServerAddress: host,
	})
	return base64.URLEncoding.EncodeToString(data), err
}

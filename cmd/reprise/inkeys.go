package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/reprise-cache/reprise/cmd/internal/config"
	"github.com/reprise-cache/reprise/proxy"
)

// optionName finds what may be the name of a library's option; what is quoted is a user's own text and stays.
var optionName = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\b[A-Z]\w*`)

// inKeys makes a library's complaint about its options one about the configuration: each line without the prefix, and with the keys
// that set the options in the place of their names.
func inKeys(err error, prefix string, keys map[string]string) error {
	var errs []error
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimPrefix(strings.TrimSpace(line), prefix)
		line = optionName.ReplaceAllStringFunc(line, func(word string) string {
			if key, ok := keys[word]; ok {
				return key
			}
			return word
		})
		errs = append(errs, fmt.Errorf("%w: %s", config.ErrInvalid, line))
	}
	return errors.Join(errs...)
}

// inProxyKeys is inKeys for what package proxy was given, and leaves other errors as they are.
func inProxyKeys(err error) error {
	if !errors.Is(err, proxy.ErrConfig) {
		return err
	}
	return inKeys(err, "proxy: ", map[string]string{
		"PricesFile": "prices.path", "AllowedHosts": "allowed_hosts", "AllowedOrigins": "allowed_origins", "AdminToken": "admin.token", "Providers": "providers",
		"ResourceName": "resource_name", "DeploymentID": "deployment_id", "APIVersion": "api_version",
	})
}

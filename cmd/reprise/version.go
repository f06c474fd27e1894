package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/reprise-cache/reprise/embed"
)

// version is set by releases: -ldflags "-X main.version=v1.2.3". Otherwise the module's version or the commit is shown.
var version string

type versionCmd struct{}

// Run is called by kong.
func (c *versionCmd) Run(h *host) error {
	model, err := embed.NewMiniLM()
	if err != nil {
		return err
	}
	verifier, err := embed.NewVerifier(model)
	if err != nil {
		return err
	}
	fmt.Fprintf(h.stdout, "reprise %s\n%s %s/%s\nmodel %s, %d dimensions\nverifier %s\nkernel %s\n",
		buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH, model.ID(), model.Dim(), verifier.ID(), model.Kernel())
	return nil
}

// buildVersion is the version of a release or of `go install module@version`, else the commit that was built.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if version != "" || !ok {
		return cmp.Or(version, "unknown")
	}
	// A version-controlled build carries a pseudo-version, which names the commit and marks a changed tree.
	return cmp.Or(info.Main.Version, "unknown")
}

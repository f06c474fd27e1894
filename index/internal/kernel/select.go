package kernel

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Env names the environment variable that overrides the choice of kernel, here and in the embedding models, so that every path
// can be tested and measured on any machine that has it. Empty or unset: the fastest.
const Env = "REPRISE_KERNEL"

// instead maps a name that Env may have, since the embedding models have such a kernel, to that of the kernel which serves here.
var instead = map[string]string{"avxvnni": "avx2"}

// ErrUnknown: the name is none of a kernel that this machine can run.
var ErrUnknown = errors.New("kernel: no such kernel on this machine")

// kernels lists what this machine can run, fastest first. It is not empty.
var kernels = append(vectorKernels(), &Kernel{"portable", scanPortable, differPortable})

// Names lists the kernels that this machine can run, fastest first; the last is "portable".
func Names() []string {
	names := make([]string, len(kernels))
	for i, k := range kernels {
		names[i] = k.name
	}
	return names
}

// New is the kernel of the given name, or an error that matches ErrUnknown.
func New(name string) (*Kernel, error) {
	for _, k := range kernels {
		if k.name == name {
			return k, nil
		}
	}
	return nil, fmt.Errorf("%w: %q: use one of %s", ErrUnknown, name, strings.Join(Names(), ", "))
}

// Default is the kernel that Env names, or the one that serves instead of it, or the fastest if it names none.
func Default() (*Kernel, error) {
	name := os.Getenv(Env)
	if name == "" {
		return kernels[0], nil
	}
	k, err := New(cmp.Or(instead[name], name))
	if err != nil {
		return nil, fmt.Errorf("environment variable %s=%s: %w", Env, name, err)
	}
	return k, nil
}

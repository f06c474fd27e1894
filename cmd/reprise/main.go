// Command reprise is a semantic cache for LLM calls that knows when not to answer.
//
// Exit codes: 0 done; 1 it was tried and failed, or a check found problems; 2 the command line, the environment or the
// configuration file must change first. Results go to standard output, logs and errors to standard error.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/reprise-cache/reprise/cmd/internal/config"
)

const (
	exitFailure = 1
	exitUsage   = 2
)

// host is what a command may use of the process that it runs in.
type host struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	env    []string
}

// has reports whether an environment variable is set to anything.
func (h *host) has(variable string) bool {
	_, ok := h.variable(variable)
	return ok
}

// variable is what an environment variable is set to; false if that is nothing.
func (h *host) variable(name string) (string, bool) {
	for _, kv := range h.env {
		if value, ok := strings.CutPrefix(kv, name+"="); ok && value != "" {
			return value, true
		}
	}
	return "", false
}

// errQuiet makes the process fail without a further line: the command has printed what is wrong.
var errQuiet = errors.New("reported already")

func main() {
	os.Exit(run(os.Args[1:], &host{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, env: os.Environ()}))
}

// run parses, runs the command and returns the exit code.
func run(args []string, h *host) int {
	if len(args) == 1 && args[0] == "--version" { // no flag of the whole: that of config get is another
		args = []string{"version"}
	}
	var stopped *stop
	parser, err := kong.New(&cli{},
		kong.Name("reprise"),
		kong.Description("A semantic cache for LLM calls that knows when not to answer."),
		kong.Writers(h.stdout, h.stderr),
		kong.Bind(h),
		kong.BindSingletonProvider(func() (context.Context, error) { // of commands that take one
			stopped = newStop()
			if !isTerminal(h.stdout) { // which has no reader to go away, and whose width is asked for
				h.stdout = stopped.writer(h.stdout)
			}
			return stopped.ctx, nil
		}),
	)
	if err != nil {
		// The command line's own description is wrong, which every test would have met.
		panic(err)
	}
	command, err := parser.Parse(args)
	if err != nil {
		complain(h.stderr, fmt.Errorf("%w (`reprise --help` lists the commands and their flags)", err))
		return exitUsage
	}
	err = command.Run()
	if stopped != nil {
		defer stopped.release()
		err = stopped.why(err)
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, config.ErrInvalid):
		complain(h.stderr, err)
		return exitUsage
	case errors.Is(err, errQuiet):
		return exitFailure
	default:
		complain(h.stderr, err)
		return exitFailure
	}
}

// complain prints an error, one line each where several were joined. That input is invalid each line says better than its kind's name,
// which speaks of a configuration where a flag may be meant.
func complain(w io.Writer, err error) {
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintf(w, "reprise: %s\n", strings.TrimPrefix(strings.TrimSpace(line), config.ErrInvalid.Error()+": "))
	}
}

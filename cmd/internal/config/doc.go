// Package config turns flags, environment, file and defaults into one checked [Config].
//
// Four layers, each over the next: command-line flags, environment variables, the YAML file, the defaults. Every key is
// described once, in keys.go; parsing, checking, printing, environment names and the suggestions for a mistyped key all
// read that table, so that a key cannot exist in one of them only.
//
// [Load] is strict: an unknown key, a wrong type or a value out of range is an error that names the key, the value and
// the remedy, and all complaints come back together. A secret's value appears in no error and in no output: [Config.Print]
// masks it.
//
// The package reads no environment variable itself. The caller passes the environment in, so that tests need none.
package config

// Package keys keeps what lets callers into the gateway, and the gateway into its providers.
package keys

package proxy

import "strings"

// maxShown is how much of a name an error repeats.
const maxShown = 64

// shown is a name that a caller gave, for an error about it: it tells a slip of the pen, and a provider's key that was put in the
// place of a name by mistake is not told to whatever keeps the error. Providers' keys begin like the ones below, or are long.
func shown(name string) string {
	hide := len(name) > maxShown
	for _, begin := range []string{"sk-", "sk_", "pk-", "rk-", "gsk_", "xai-", "hf_", "pplx-", "fw_", "AIza", "Bearer "} {
		hide = hide || strings.HasPrefix(name, begin)
	}
	if hide {
		return name[:min(len(name), 3)] + "…"
	}
	return name
}

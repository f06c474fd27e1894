package wire

// payload is what a picture, a sound or a file counts as, in bytes of text: about a thousand tokens, as providers count a picture.
const payload = 4096

// Countable is about how many bytes of text v comes to, a piece of a request. What is written in base64 is read as something else than
// text, and costs nothing like its length: a megabyte of picture is not 300,000 tokens.
func Countable(v []byte) int {
	n, run := 0, 0
	for i, c := range v {
		switch {
		case base64Byte[c], c == '\\' && i+1 < len(v) && v[i+1] == '/': // some clients escape the slash
			run++
		default:
			n += min(run, payload) + 1
			run = 0
		}
	}
	return n + min(run, payload)
}

// base64Byte are the bytes of either alphabet of RFC 4648, without the padding.
var base64Byte = func() (is [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_") {
		is[c] = true
	}
	return is
}()

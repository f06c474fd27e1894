package wire

// payload is what a picture, a sound or a file counts as, in bytes of text: about a thousand tokens, as providers count a picture.
const payload = 4096

// Countable is about how many bytes of text v comes to, a piece of a request. What is written in base64 is read as something else than
// text, and costs nothing like its length: a megabyte of picture is not 300,000 tokens.
func Countable(v []byte) int {
	n := len(v)
	for i := payload; i < len(v); i += payload { // a run of base64 that counts for less than it is long has one of these bytes
		if !inBase64(v, i) {
			continue
		}
		from, to := i, i+1
		for from > 0 && inBase64(v, from-1) {
			from--
		}
		for to < len(v) && inBase64(v, to) {
			to++
		}
		n -= max(0, to-from-payload)
		i = to
	}
	return n
}

func inBase64(v []byte, i int) bool {
	return base64Byte[v[i]] || v[i] == '\\' && i+1 < len(v) && v[i+1] == '/' // some clients escape the slash
}

// base64Byte are the bytes of either alphabet of RFC 4648, without the padding.
var base64Byte = func() (is [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_") {
		is[c] = true
	}
	return is
}()

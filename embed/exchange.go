package embed

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
)

// exchange is what one HTTP request leaves behind beside what go-openai returns: its errors have no headers,
// and do not tell a broken connection from broken JSON. It travels in the request's context.
type exchange struct {
	limit      int64 // bytes of the answer
	status     int   // 0: there was no answer
	retryAfter time.Duration
	broken     error // why reading the answer stopped short of its end
}

type exchangeKey struct{}

// recorder is the HTTP client that is given to go-openai.
type recorder struct{ client *http.Client }

func (r *recorder) Do(req *http.Request) (*http.Response, error) {
	res, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	x := req.Context().Value(exchangeKey{}).(*exchange)
	x.status = res.StatusCode
	x.retryAfter = retryAfter(res.Header, time.Now())
	res.Body = &recordedBody{ReadCloser: http.MaxBytesReader(nil, res.Body, x.limit), exchange: x}
	return res, nil
}

type recordedBody struct {
	io.ReadCloser
	exchange *exchange
}

func (b *recordedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if tooLarge := (*http.MaxBytesError)(nil); err != nil && err != io.EOF && !errors.As(err, &tooLarge) {
		b.exchange.broken = err
	}
	return n, err
}

// retryAfter reads how long the server asks to wait: milliseconds in OpenAI's own header, or seconds or a date in
// the standard one. Zero if it does not say, or says nonsense.
func retryAfter(h http.Header, now time.Time) time.Duration {
	const most = 365 * 24 * 3600 // seconds; more would overflow, and no one waits for it
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms > 0 {
		return time.Duration(min(ms, most*1000) * float64(time.Millisecond))
	}
	v := h.Get("Retry-After")
	if s, err := strconv.ParseFloat(v, 64); err == nil && s > 0 {
		return time.Duration(min(s, most) * float64(time.Second))
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

package proxy

import (
	"errors"
	"fmt"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/wire"
)

// ParseMessages reads the messages of a chat request to OpenAI, a JSON array, as the server reads them: what a request with
// them would look up.
func ParseMessages(data []byte) ([]cache.Message, error) {
	body := append(append([]byte(`{"messages":`), data...), '}')
	q, err := wire.Chat.Read(body)
	if err != nil {
		return nil, fmt.Errorf("proxy: messages: %w", err)
	}
	if q.NoCache != "" {
		return nil, errors.New("proxy: " + q.NoCache)
	}
	return q.Messages, nil
}

package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/reprise-cache/reprise/cache"
)

// drawnEmbedder makes the vector of a drawn question: one of its own, near to those of the other questions of its topic, and a
// little away from it for each wording.
type drawnEmbedder struct{}

func (drawnEmbedder) ID() string { return "drawn/384" }
func (drawnEmbedder) Dim() int   { return 384 }

func (drawnEmbedder) Embed(_ context.Context, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i, text := range texts {
		var question, wording uint64
		if _, err := fmt.Sscanf(text, "question %d wording %d", &question, &wording); err != nil {
			return nil, fmt.Errorf("bench: %q is not a drawn question: %w", text, err)
		}
		topic, own := rand.New(rand.NewPCG(question%2000, 1)), rand.New(rand.NewPCG(question, 2))
		off := rand.New(rand.NewPCG(question, 2+wording))
		v := make([]float32, 384)
		for j := range v {
			v[j] = float32(topic.NormFloat64() + own.NormFloat64())
			if wording > 0 {
				v[j] += float32(off.NormFloat64())
			}
		}
		out[i] = v
	}
	return out, nil
}

// drawnQuestion is question i; wording 0 is the one that is stored.
func drawnQuestion(i, wording int) cache.Query {
	return cache.Query{Messages: []cache.Message{{Role: "user", Text: fmt.Sprintf("question %d wording %d", i, wording)}}}
}

func putDrawn(ctx context.Context, c *cache.Cache, i int) error {
	_, err := c.Put(ctx, drawnQuestion(i, 0), cache.Value{Body: drawnAnswer(i)})
	return err
}

// drawnAnswer is a chat completion around 200 to 2,500 bytes of prose. Its words are drawn as seldom as words are, without grammar,
// which compresses a little worse than what people and models write.
func drawnAnswer(i int) []byte {
	r := rand.New(rand.NewPCG(uint64(i), 7))
	length := 200 + int(2300*r.Float64()*r.Float64())
	var prose strings.Builder
	for n := 0; prose.Len() < length; n++ {
		f := r.Float64()
		word := drawnWords[int(f*f*float64(len(drawnWords)))]
		switch {
		case n%12 == 0 && n > 0:
			prose.WriteString(". ")
		case n > 0:
			prose.WriteByte(' ')
		}
		prose.WriteString(word)
	}
	type message struct {
		Role    string  `json:"role"`
		Content string  `json:"content"`
		Refusal *string `json:"refusal"`
	}
	type choice struct {
		Index   int     `json:"index"`
		Message message `json:"message"`
		Finish  string  `json:"finish_reason"`
	}
	body, err := json.Marshal(map[string]any{
		"id": fmt.Sprintf("chatcmpl-%016x", r.Uint64()), "object": "chat.completion", "created": 1_700_000_000 + i,
		"model": "gpt-4o-mini-2024-07-18", "system_fingerprint": "fp_560af6e559",
		"choices": []choice{{Message: message{Role: "assistant", Content: prose.String()}, Finish: "stop"}},
		"usage": map[string]any{
			"prompt_tokens": 20 + r.IntN(40), "completion_tokens": length / 4, "total_tokens": 40 + length/4,
			"prompt_tokens_details": map[string]int{"cached_tokens": 0}, "completion_tokens_details": map[string]int{"reasoning_tokens": 0},
		},
	})
	if err != nil {
		panic(err) // of strings and numbers
	}
	return body
}

// drawnWords are the most frequent first, roughly.
var drawnWords = strings.Fields(`the to your you a is and of in that it for can on with this if or are be from as not will have which by an
at when account has was more all one but use other there their may do any its they only also new what then some time page first out into
each how over after up such most need get see open make same than set way where these button select name click settings number change
email choose password address code enter add device order sure sign option check date menu work day support phone payment app details
show file user list security step window browser update link send message card plan request data service key contact using save find
available before both between once already next different under within access every without because however please follow create allow
turn login off problem required automatically confirm invoice remove simply instead usually example ensure review manager subscription
recovery administrator permission verification minutes cancel upgrade billing profile private download connection platform customer
question answer notification session policy feature version install computer network error reset temporary receive attach document
calendar shipping refund delivery statement currency exchange balance transfer department organisation certificate workspace integration
documentation troubleshoot configure expiry authenticator keyboard storage privacy region language quarterly warehouse discount signature`)

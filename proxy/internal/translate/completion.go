package translate

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/proxy/internal/sse"
)

// sampled are the members that OpenAI's two endpoints have in common.
var sampled = []string{"model", "max_tokens", "temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty", "seed", "stop", "stream", "stream_options", "user", "n"}

// readCompletion reads a request for a completion, whose prompt becomes the one turn of a chat.
func readCompletion(body []byte) (*chat, error) {
	var in map[string]jsontext.Value
	if err := read(body, &in); err != nil {
		return nil, err
	}
	for _, name := range []string{"logprobs", "suffix", "echo", "best_of"} {
		if v := in[name]; given(v) && string(v) != "false" && string(v) != `""` && !(name == "best_of" && string(v) == "1") {
			return nil, cannot("%s: the other API has chats only", name)
		}
	}
	prompt, err := onePrompt(in["prompt"])
	if err != nil {
		return nil, err
	}
	out := map[string]jsontext.Value{"messages": write([]message{{Role: "user", Content: prompt}})}
	for _, name := range sampled {
		if v, ok := in[name]; ok {
			out[name] = v
		}
	}
	return readOpenAI(write(out))
}

// onePrompt returns the text of a prompt, which may be the only one of a list.
func onePrompt(v jsontext.Value) (jsontext.Value, error) {
	if v.Kind() == jsontext.KindBeginArray {
		var list []jsontext.Value
		if err := read(v, &list); err != nil {
			return nil, err
		}
		if len(list) == 1 {
			v = list[0]
		}
	}
	if v.Kind() != jsontext.KindString {
		return nil, cannot("prompt: the other API takes one text, neither several nor tokens")
	}
	return v, nil
}

// completion is a whole answer, or a chunk of one, in the form of OpenAI's older endpoint.
type completion = answerOf[textChoice]

type textChoice struct {
	Text         string  `json:"text"`
	Index        int     `json:"index"`
	Logprobs     *string `json:"logprobs"` // there are none
	FinishReason *string `json:"finish_reason"`
}

func completionOf(a *answer) *completion {
	return &completion{ID: a.ID, Object: "text_completion", Created: a.Created, Model: a.Model, Choices: []textChoice{}, Usage: a.Usage}
}

// text is what was said, a refusal included, for which a completion has no other place.
func (s *said) text() string {
	if s.Content == nil {
		return s.Refusal
	}
	return *s.Content + s.Refusal
}

// writeCompletion makes a completion of a whole answer.
func writeCompletion(a *answer) ([]byte, error) {
	if len(a.Choices) == 0 || a.Choices[0].Message == nil || a.Choices[0].FinishReason == nil {
		return nil, formError("it has no whole choice")
	}
	c := &a.Choices[0]
	out := completionOf(a)
	out.Choices = append(out.Choices, textChoice{Text: c.Message.text(), FinishReason: c.FinishReason})
	return write(out), nil
}

// completionWriter writes the chunks of a completion, which end as those of a chat do.
type completionWriter struct{ openaiWriter }

func (w *completionWriter) chunk(dst []byte, a *answer) ([]byte, error) {
	if a.Usage != nil && len(a.Choices) == 0 && !w.usage {
		return dst, nil
	}
	out := completionOf(a)
	out.Created = w.now
	for i := range a.Choices {
		c := &a.Choices[i]
		text := ""
		if c.Delta != nil {
			text = c.Delta.text()
		}
		if text != "" || c.FinishReason != nil { // the role, and what a model thinks, have no place here
			out.Choices = append(out.Choices, textChoice{Text: text, Index: c.Index, FinishReason: c.FinishReason})
		}
	}
	if len(out.Choices) == 0 && out.Usage == nil {
		return dst, nil
	}
	return sse.AppendEvent(dst, "", write(out)), nil
}

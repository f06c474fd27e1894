package demo

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sashabaranov/go-openai"
)

func startProvider(t *testing.T) (*provider, *openai.Client, string) {
	t.Helper()
	p := newProvider(mustData(t), 0)
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	cfg := openai.DefaultConfig("none")
	cfg.BaseURL = s.URL + "/v1"
	return p, openai.NewClientWithConfig(cfg), s.URL
}

func chat(text string) openai.ChatCompletionRequest {
	return openai.ChatCompletionRequest{Model: modelName, Messages: []openai.ChatCompletionMessage{
		{Role: "system", Content: "You are a help desk."}, {Role: "user", Content: text}}}
}

func TestProviderAnswersByLabel(t *testing.T) {
	d := mustData(t)
	p, client, _ := startProvider(t)
	for _, a := range d.asks[:40] {
		resp, err := client.CreateChatCompletion(context.Background(), chat(a.Text))
		if err != nil {
			t.Fatal(err)
		}
		text := resp.Choices[0].Message.Content
		if id, ok := p.faqID(text); !ok || id != a.FAQ || !strings.HasPrefix(text, answerPrefix) {
			t.Errorf("%q is answered by %q, label %q", a.Text, id, a.FAQ)
		}
		if resp.Usage.PromptTokens < tokens(a.Text) || resp.Usage.CompletionTokens != tokens(text) {
			t.Errorf("usage %+v", resp.Usage)
		}
	}
	if got := p.calls.Load(); got != 40 {
		t.Errorf("%d calls counted, 40 made", got)
	}
}

func TestProviderAnswersUnknownTexts(t *testing.T) {
	p := newProvider(mustData(t), 0)
	for text, want := range map[string]string{
		"so how do I freeze my card?":                 "card-03",
		"please, how do I open a Harbour account":     "account-01",
		"what is the airspeed of an unladen swallow?": "",
		"":   "",
		"?!": "",
		"a question about nothing that the FAQ has in": "",
	} {
		if id, ok := p.faqID(p.answer(text)); !ok || id != want {
			t.Errorf("%q is answered by %q, want %q", text, id, want)
		}
	}
	if _, ok := p.faqID("something else"); ok {
		t.Error("a foreign answer has an id")
	}
}

func TestProviderStreams(t *testing.T) {
	_, client, _ := startProvider(t)
	req := chat("How do I freeze my card?")
	req.StreamOptions = &openai.StreamOptions{IncludeUsage: true}
	stream, err := client.CreateChatCompletionStream(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	var text strings.Builder
	var finish openai.FinishReason
	usage := 0
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range chunk.Choices {
			text.WriteString(c.Delta.Content)
			finish = c.FinishReason
		}
		if chunk.Usage != nil {
			usage = chunk.Usage.TotalTokens
		}
	}
	plain, err := client.CreateChatCompletion(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	if text.String() != plain.Choices[0].Message.Content || finish != "stop" || usage != plain.Usage.TotalTokens {
		t.Errorf("streamed %q, finish %q, usage %d; plain %q, usage %d", text.String(), finish, usage, plain.Choices[0].Message.Content, plain.Usage.TotalTokens)
	}
}

func TestProviderRefusesBadRequests(t *testing.T) {
	_, _, url := startProvider(t)
	for _, tc := range []struct {
		path, body string
		want       int
	}{
		{"/v1/chat/completions", "{", 400},
		{"/v1/chat/completions", "{}", 400},
		{"/v1/chat/completions", `{"messages":[{"role":"user","content":7}]}`, 400},
		{"/v1/chat/completions", strings.Repeat(" ", maxRequestBytes+1), 413},
		{"/v1/other", "{}", 404},
	} {
		resp, err := http.Post(url+tc.path, "application/json", strings.NewReader(tc.body))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != tc.want || !strings.Contains(string(body), `"error"`) {
			t.Errorf("%s %.20q: %d %s, want %d", tc.path, tc.body, resp.StatusCode, body, tc.want)
		}
	}
}

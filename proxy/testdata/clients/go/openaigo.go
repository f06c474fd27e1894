package main

import (
	"context"
	"errors"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
	"github.com/openai/openai-go/v3/shared"
)

const openaiModule = "github.com/openai/openai-go/v3"

func openaiClient(ctx context.Context) (openai.Client, error) {
	at, err := gateway(ctx)
	return openai.NewClient(option.WithBaseURL(at+"/v1"), option.WithAPIKey("sk-one"), option.WithMaxRetries(0), option.WithHTTPClient(httpClient)), err
}

func openaiStatus(err error) int {
	var own *openai.Error
	if !errors.As(err, &own) || own.Message == "" {
		return 0
	}
	return own.StatusCode
}

var parameters = map[string]any{"type": "object", "properties": map[string]any{}}

var openaiChat = client{
	module: openaiModule, what: ", chat", status: openaiStatus,
	ask: func(ctx context.Context, model string, stream, tools bool) ([]string, []toolCall, error) {
		c, err := openaiClient(ctx)
		if err != nil {
			return nil, nil, err
		}
		params := openai.ChatCompletionNewParams{Model: model, Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(prompt)}}
		if tools {
			for _, name := range toolNames {
				params.Tools = append(params.Tools, openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{Name: name, Parameters: parameters}))
			}
		}
		if !stream {
			answer, err := c.Chat.Completions.New(ctx, params)
			if err != nil {
				return nil, nil, err
			}
			return []string{answer.Choices[0].Message.Content}, chatCalls(answer.Choices[0].Message), nil
		}
		events := c.Chat.Completions.NewStreaming(ctx, params)
		defer events.Close()
		var whole openai.ChatCompletionAccumulator
		var pieces []string
		for events.Next() {
			chunk := events.Current()
			if !whole.AddChunk(chunk) {
				return nil, nil, errors.New("the client's own accumulator refuses a chunk")
			}
			if text := chunk.Choices[0].Delta.Content; text != "" {
				pieces = append(pieces, text)
			}
		}
		if err := events.Err(); err != nil {
			return nil, nil, err
		}
		return pieces, chatCalls(whole.Choices[0].Message), nil
	},
}

func chatCalls(m openai.ChatCompletionMessage) (called []toolCall) {
	for _, call := range m.ToolCalls {
		called = append(called, toolCall{call.Function.Name, call.Function.Arguments})
	}
	return called
}

var openaiResponses = client{
	module: openaiModule, what: ", responses", status: openaiStatus,
	ask: func(ctx context.Context, model string, stream, tools bool) ([]string, []toolCall, error) {
		c, err := openaiClient(ctx)
		if err != nil {
			return nil, nil, err
		}
		params := responses.ResponseNewParams{
			Model: model, Store: openai.Bool(false),
			Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(prompt)},
		}
		if tools {
			for _, name := range toolNames {
				params.Tools = append(params.Tools, responses.ToolParamOfFunction(name, parameters, false))
			}
		}
		var pieces []string
		var final *responses.Response
		if stream {
			events := c.Responses.NewStreaming(ctx, params)
			defer events.Close()
			for events.Next() {
				switch event := events.Current().AsAny().(type) {
				case responses.ResponseTextDeltaEvent:
					pieces = append(pieces, event.Delta)
				case responses.ResponseCompletedEvent:
					final = &event.Response
				}
			}
			if err := events.Err(); err != nil {
				return nil, nil, err
			}
			if final == nil {
				return nil, nil, errors.New("the stream ended without response.completed")
			}
		} else {
			if final, err = c.Responses.New(ctx, params); err != nil {
				return nil, nil, err
			}
			pieces = []string{final.OutputText()}
		}
		var called []toolCall
		for _, item := range final.Output {
			if call, ok := item.AsAny().(responses.ResponseFunctionToolCall); ok {
				called = append(called, toolCall{call.Name, call.Arguments})
			}
		}
		return pieces, called, nil
	},
}

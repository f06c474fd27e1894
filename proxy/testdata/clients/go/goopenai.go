package main

import (
	"context"
	"errors"
	"io"
	"net/http"

	openai "github.com/sashabaranov/go-openai"
)

var goOpenAI = client{
	module: "github.com/sashabaranov/go-openai",
	ask: func(ctx context.Context, model string, stream, tools bool) ([]string, []toolCall, error) {
		at, err := gateway(ctx)
		if err != nil {
			return nil, nil, err
		}
		config := openai.DefaultConfig("sk-one")
		config.BaseURL = at + "/v1"
		config.HTTPClient = httpClient
		c := openai.NewClientWithConfig(config)
		request := openai.ChatCompletionRequest{Model: model, Messages: []openai.ChatCompletionMessage{{Role: "user", Content: prompt}}}
		if tools {
			for _, name := range toolNames {
				request.Tools = append(request.Tools, openai.Tool{Type: openai.ToolTypeFunction, Function: &openai.FunctionDefinition{
					Name: name, Parameters: map[string]any{"type": "object", "properties": map[string]any{}},
				}})
			}
		}
		if !stream {
			answer, err := c.CreateChatCompletion(ctx, request)
			if err != nil {
				return nil, nil, err
			}
			var called []toolCall
			for _, call := range answer.Choices[0].Message.ToolCalls {
				called = append(called, toolCall{call.Function.Name, call.Function.Arguments})
			}
			return []string{answer.Choices[0].Message.Content}, called, nil
		}
		events, err := c.CreateChatCompletionStream(ctx, request)
		if err != nil {
			return nil, nil, err
		}
		defer events.Close()
		var pieces []string
		var called []toolCall
		for {
			chunk, err := events.Recv()
			if errors.Is(err, io.EOF) {
				return pieces, called, nil
			}
			if err != nil {
				return nil, nil, err
			}
			for _, choice := range chunk.Choices {
				if choice.Delta.Content != "" {
					pieces = append(pieces, choice.Delta.Content)
				}
				for _, part := range choice.Delta.ToolCalls {
					for len(called) <= *part.Index {
						called = append(called, toolCall{})
					}
					called[*part.Index].name += part.Function.Name
					called[*part.Index].arguments += part.Function.Arguments
				}
			}
		}
	},
	status: func(err error) int {
		var own *openai.APIError
		if !errors.As(err, &own) || own.Message == "" || own.Message == http.StatusText(own.HTTPStatusCode) {
			return 0
		}
		return own.HTTPStatusCode
	},
}

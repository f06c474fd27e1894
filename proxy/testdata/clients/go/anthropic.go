package main

import (
	"context"
	"errors"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
)

var anthropicMessages = client{
	module: "github.com/anthropics/anthropic-sdk-go",
	status: func(err error) int {
		var own *anthropic.Error
		if !errors.As(err, &own) {
			return 0
		}
		return own.StatusCode
	},
	ask: func(ctx context.Context, model string, stream, tools bool) ([]string, []toolCall, error) {
		at, err := gateway(ctx)
		if err != nil {
			return nil, nil, err
		}
		c := anthropic.NewClient(option.WithBaseURL(at), option.WithAPIKey("sk-ant-one"), option.WithMaxRetries(0), option.WithHTTPClient(httpClient))
		params := anthropic.MessageNewParams{
			Model: anthropic.Model(model), MaxTokens: 2000,
			Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(prompt))},
		}
		if tools {
			for _, name := range toolNames {
				params.Tools = append(params.Tools, anthropic.ToolUnionParamOfTool(anthropic.ToolInputSchemaParam{Properties: map[string]any{}}, name))
			}
		}
		var pieces []string
		var whole anthropic.Message
		if stream {
			events := c.Messages.NewStreaming(ctx, params)
			defer events.Close()
			for events.Next() {
				event := events.Current()
				if err := whole.Accumulate(event); err != nil {
					return nil, nil, err
				}
				if delta, ok := event.AsAny().(anthropic.ContentBlockDeltaEvent); ok && delta.Delta.Text != "" {
					pieces = append(pieces, delta.Delta.Text)
				}
			}
			if err := events.Err(); err != nil {
				return nil, nil, err
			}
		} else {
			answer, err := c.Messages.New(ctx, params)
			if err != nil {
				return nil, nil, err
			}
			whole = *answer
		}
		var called []toolCall
		for _, block := range whole.Content {
			switch b := block.AsAny().(type) {
			case anthropic.TextBlock:
				if !stream {
					pieces = append(pieces, b.Text)
				}
			case anthropic.ToolUseBlock:
				called = append(called, toolCall{b.Name, string(b.Input)})
			}
		}
		return pieces, called, nil
	},
}

package local

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"penstock/dialect"
	"penstock/engine"
)

// decodeResponse reads the body of POST /v1/responses, which is a chat in other words.
func (m *Model) decodeResponse(in engine.Input) (request, error) {
	wanted, err := dialect.ParseResponsesRequest(in.Body)
	if err != nil {
		return decoded(request{}, err)
	}
	chat, err := wanted.Chat()
	if err != nil {
		return decoded(request{}, err)
	}
	r, err := m.chatRequest(chat)
	if err == nil {
		r.messages, err = m.conversationOf(chat.Messages)
	}
	r.param, r.response = "input", wanted
	return decoded(r, err)
}

// generateResponse answers in the typed events of /v1/responses, which are made of a chat's chunks.
func (m *Model) generateResponse(ctx context.Context, j job, emit func(...engine.Encoded) error) (engine.End, error) {
	events := dialect.NewResponseEvents(j.response, rand.Text(), time.Now().Unix())
	send := func(made []dialect.NamedEvent) error {
		if len(made) == 0 {
			return nil
		}
		together := make([]engine.Encoded, len(made))
		for i, e := range made {
			together[i] = engine.Encoded{Name: e.Name, Data: e.Data}
		}
		return emit(together...)
	}
	if err := send(events.Begin()); err != nil {
		return engine.End{}, err
	}
	end, err := m.generateChat(ctx, j, func(chunks ...chatChunk) error {
		var all []dialect.NamedEvent
		for _, c := range chunks {
			data, err := json.Marshal(c)
			if err != nil {
				return fmt.Errorf("encode a chunk: %w", err)
			}
			made, err := events.Chunk(data)
			if err != nil {
				return err
			}
			all = append(all, made...)
		}
		return send(all)
	})
	if err != nil {
		return engine.End{}, err
	}
	return end, send(events.Complete())
}

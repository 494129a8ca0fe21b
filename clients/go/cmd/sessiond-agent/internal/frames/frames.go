// Package frames passes messages on as the bytes that they are.
package frames

import (
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/gzip" // callers may compress what they send
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// Message is one message as it is on the wire.
type Message struct{ Data mem.BufferSlice }

// Of is a message of these bytes, which must not change any more.
func Of(data []byte) *Message { return &Message{mem.BufferSlice{mem.SliceBuffer(data)}} }

// Bytes are those of the message, until it is freed; nobody may change them.
func (m *Message) Bytes() []byte {
	switch len(m.Data) {
	case 0:
		return nil
	case 1:
		return m.Data[0].ReadOnlyData()
	default:
		whole := m.Data.Materialize()
		m.Data.Free()
		m.Data = mem.BufferSlice{mem.SliceBuffer(whole)}
		return whole
	}
}

// Free gives the memory back to gRPC. A message that is not freed is left to the garbage collector.
func (m *Message) Free() {
	m.Data.Free()
	m.Data = nil
}

// Codec takes and gives a [Message] as it is, and any other message as gRPC does.
type Codec struct{}

var others = encoding.GetCodecV2(proto.Name)

// Name is that of the form on the wire.
func (Codec) Name() string { return proto.Name }

// Marshal leaves the message its bytes: it may be sent more than once.
func (Codec) Marshal(v any) (mem.BufferSlice, error) {
	if message, ok := v.(*Message); ok {
		message.Data.Ref()
		return message.Data, nil
	}
	return others.Marshal(v)
}

// Unmarshal keeps the bytes that came, which gRPC would take back.
func (Codec) Unmarshal(data mem.BufferSlice, v any) error {
	if message, ok := v.(*Message); ok {
		data.Ref()
		message.Data = data
		return nil
	}
	return others.Unmarshal(data, v)
}

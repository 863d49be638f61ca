// Writes golden.json: every ABCI request and answer as CometBFT frames it, and the same as JSON in the mapping of Protocol Buffers.
package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"reflect"
	"regexp"
	"strings"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/proto/tendermint/crypto"
	"github.com/cometbft/cometbft/version"
	"github.com/cosmos/gogoproto/jsonpb"
	"github.com/cosmos/gogoproto/proto"
)

type entry struct {
	Name string          `json:"name"`
	Hex  string          `json:"hex"`
	Json json.RawMessage `json:"json"`
}

// How a message is filled: "empty" has nothing set, "hollow" has messages without fields wherever one may stand, "full" has all fields, and its shift decides
// which field gets which edge, so that over all shifts every field has had each.
type filling struct {
	hollow bool
	shift  int
	count  int
}

const shifts = 4

var (
	int64s    = [shifts]int64{3_000_000_000, math.MaxInt64, math.MinInt64, -1}
	uint64s   = [shifts]uint64{3_000_000_000, math.MaxUint64, 1 << 63, 1}
	int32s    = [shifts]int32{math.MaxInt32, math.MinInt32, -1, 1}
	uint32s   = [shifts]uint32{3_000_000_000, math.MaxUint32, 1 << 31, 1}
	texts     = [shifts]string{"a", "größe 😀", strings.Repeat("x", 200), "\x00\n"}
	blobs     = [shifts][]byte{{0}, bytes.Repeat([]byte{0xa5}, 20), bytes.Repeat([]byte{0xff}, 300), []byte("tx")}
	durations = [shifts]time.Duration{48 * time.Hour, math.MaxInt64, -1, -1_500 * time.Millisecond}
	times     = [shifts]time.Time{
		time.Date(2026, 1, 2, 3, 4, 5, 1, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
		time.Date(1969, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
		{},
	}
)

var isNumber = regexp.MustCompile(`^-?\d+$`)

func (f *filling) fill(value reflect.Value) {
	switch value.Interface().(type) {
	case time.Time:
		if !f.hollow {
			value.Set(reflect.ValueOf(times[f.next()]))
		}
		return
	case time.Duration:
		if !f.hollow {
			value.Set(reflect.ValueOf(durations[f.next()]))
		}
		return
	case crypto.PublicKey:
		if !f.hollow {
			value.Set(reflect.ValueOf(f.publicKey()))
		}
		return
	}
	switch value.Kind() {
	case reflect.Struct:
		for i := range value.NumField() {
			f.fill(value.Field(i))
		}
		return
	case reflect.Pointer:
		value.Set(reflect.New(value.Type().Elem()))
		f.fill(value.Elem())
		return
	}
	if f.hollow {
		return
	}
	switch value.Kind() {
	case reflect.Bool:
		value.SetBool(true)
	case reflect.String:
		value.SetString(texts[f.next()])
	case reflect.Int64:
		value.SetInt(int64s[f.next()])
	case reflect.Uint64:
		value.SetUint(uint64s[f.next()])
	case reflect.Uint32:
		value.SetUint(uint64(uint32s[f.next()]))
	case reflect.Int32:
		f.fillInt32(value)
	case reflect.Slice:
		f.fillSlice(value)
	default:
		panic(fmt.Sprintf("no filling for %s", value.Type()))
	}
}

func (f *filling) next() int {
	f.count++
	return (f.shift + f.count) % shifts
}

// An enum's value is one that has a name.
func (f *filling) fillInt32(value reflect.Value) {
	if value.Type().Name() == "int32" {
		value.SetInt(int64(int32s[f.next()]))
		return
	}
	value.SetInt(int64(1 + f.next()))
	for isNumber.MatchString(fmt.Sprint(value.Interface())) {
		value.SetInt(value.Int() - 1)
	}
}

// The second of two entries is hollow.
func (f *filling) fillSlice(value reflect.Value) {
	if value.Type().Elem().Kind() == reflect.Uint8 {
		value.SetBytes(blobs[f.next()])
		return
	}
	value.Set(reflect.MakeSlice(value.Type(), 2, 2))
	f.fill(value.Index(0))
	(&filling{hollow: true}).fill(value.Index(1))
}

func (f *filling) publicKey() crypto.PublicKey {
	switch f.next() {
	case 0:
		return crypto.PublicKey{Sum: &crypto.PublicKey_Secp256K1{Secp256K1: bytes.Repeat([]byte{2}, 33)}}
	case 1:
		return crypto.PublicKey{Sum: &crypto.PublicKey_Bls12381{Bls12381: bytes.Repeat([]byte{3}, 48)}}
	default:
		return crypto.PublicKey{Sum: &crypto.PublicKey_Ed25519{Ed25519: bytes.Repeat([]byte{1}, 32)}}
	}
}

// One message for each case of the oneof that is the only field of a Request or Response.
func list(wrappers []interface{}, envelope func() proto.Message) []entry {
	var entries []entry
	add := func(name string, wrapper interface{}, f *filling) {
		inner := reflect.New(reflect.TypeOf(wrapper).Elem())
		body := inner.Elem().Field(0)
		body.Set(reflect.New(body.Type().Elem()))
		if f != nil {
			f.fill(body.Elem())
		}
		message := envelope()
		reflect.ValueOf(message).Elem().FieldByName("Value").Set(inner)
		entries = append(entries, encode(name, message))
	}
	for _, wrapper := range wrappers {
		name := reflect.TypeOf(wrapper).Elem().Field(0).Name
		add(name+" empty", wrapper, nil)
		if reflect.TypeOf(wrapper).Elem().Field(0).Type.Elem().NumField() == 0 {
			continue
		}
		add(name+" hollow", wrapper, &filling{hollow: true})
		for shift := range shifts {
			add(fmt.Sprintf("%s full %d", name, shift), wrapper, &filling{shift: shift})
		}
	}
	return entries
}

func encode(name string, message proto.Message) entry {
	var framed bytes.Buffer
	if err := abci.WriteMessage(message, &framed); err != nil {
		panic(err)
	}
	text, err := (&jsonpb.Marshaler{OrigName: true}).MarshalToString(message)
	if err != nil {
		panic(fmt.Errorf("%s: %w", name, err))
	}
	return entry{Name: name, Hex: hex.EncodeToString(framed.Bytes()), Json: json.RawMessage(text)}
}

// One line for each entry, so that changes can be read.
func write(out *bytes.Buffer, key string, entries []entry) {
	fmt.Fprintf(out, ",\n %q: [", key)
	for i, entry := range entries {
		line, err := json.Marshal(entry)
		if err != nil {
			panic(err)
		}
		if i > 0 {
			out.WriteString(",")
		}
		fmt.Fprintf(out, "\n  %s", line)
	}
	out.WriteString("\n ]")
}

func main() {
	var out bytes.Buffer
	fmt.Fprintf(&out, "{\n %q: %q", "cometbft", "v"+version.TMCoreSemVer)
	write(&out, "requests", list((*abci.Request)(nil).XXX_OneofWrappers(), func() proto.Message { return &abci.Request{} }))
	write(&out, "responses", list((*abci.Response)(nil).XXX_OneofWrappers(), func() proto.Message { return &abci.Response{} }))
	out.WriteString("\n}\n")
	if _, err := os.Stdout.Write(out.Bytes()); err != nil {
		panic(err)
	}
}

// Calls the answer's functions with each case's arguments and reports what came back; compiled into the answer's package.
// harness/sandbox/values.py describes the encoding. An error as the last result is an exception named "error", a panic one
// named "panic"; other results are one value, or a tuple of several.
package main

import (
	lbBase64 "encoding/base64"
	lbJSON "encoding/json"
	lbErrors "errors"
	lbFmt "fmt"
	lbBig "math/big"
	lbMath "math"
	lbOS "os"
	lbReflect "reflect"
	lbSort "sort"
	lbConv "strconv"
	lbStrings "strings"
	lbUTF8 "unicode/utf8"
)

const lbMaxSafeInteger = 1<<53 - 1
const lbMaxIntegerBits = 14000
const lbMaxNesting = 60
const lbMaxItems = 100000
const lbMaxValueBytes = 256 * 1024
const lbKitDescriptor, lbReportDescriptor = 8, 9

// The language's own error type: the name `error` may be a type of the answer in this package.
var lbError = lbReflect.TypeOf(lbErrors.New).Out(0)
var lbBigInt = lbReflect.TypeOf((*lbBig.Int)(nil))

type lbJob struct {
	Nonce string
	Cases []struct {
		I    int
		Call string
		Args []lbJSON.RawMessage
		ReportArgs bool `json:"report_args"`
	}
}

type lbTyped struct {
	Kind  string            `json:"$"`
	Value lbJSON.RawMessage `json:"v"`
}

type lbEncoder struct {
	out   lbStrings.Builder
	items int
}

func lbTypedOf(raw []byte) (lbTyped, bool) {
	var typed lbTyped
	if len(raw) == 0 || raw[0] != '{' || lbJSON.Unmarshal(raw, &typed) != nil {
		return typed, false
	}
	return typed, typed.Kind != ""
}

func lbText(raw []byte) string {
	var text string
	if lbJSON.Unmarshal(raw, &text) != nil {
		return string(raw)
	}
	return text
}

func lbCheck(err error) {
	if err != nil {
		panic(err)
	}
}

func lbDecode(raw lbJSON.RawMessage, want lbReflect.Type) lbReflect.Value {
	value := lbReflect.New(want).Elem()
	typed, is := lbTypedOf(raw)
	inner := raw
	if is {
		inner = typed.Value
	}
	if want == lbBigInt {
		number, ok := new(lbBig.Int).SetString(lbText(inner), 10)
		if !ok {
			panic("not an integer")
		}
		return lbReflect.ValueOf(number)
	}
	switch want.Kind() {
	case lbReflect.Int, lbReflect.Int8, lbReflect.Int16, lbReflect.Int32, lbReflect.Int64:
		number, err := lbConv.ParseInt(lbText(inner), 10, want.Bits())
		lbCheck(err)
		value.SetInt(number)
	case lbReflect.Uint, lbReflect.Uint8, lbReflect.Uint16, lbReflect.Uint32, lbReflect.Uint64:
		number, err := lbConv.ParseUint(lbText(inner), 10, want.Bits())
		lbCheck(err)
		value.SetUint(number)
	case lbReflect.Float32, lbReflect.Float64:
		number, err := lbConv.ParseFloat(lbText(inner), 64)
		lbCheck(err)
		value.SetFloat(number)
	case lbReflect.Slice:
		if is && typed.Kind == "bytes" {
			data, err := lbBase64.StdEncoding.DecodeString(lbText(inner))
			lbCheck(err)
			return lbReflect.ValueOf(data).Convert(want)
		}
		var parts []lbJSON.RawMessage
		lbCheck(lbJSON.Unmarshal(inner, &parts))
		value = lbReflect.MakeSlice(want, 0, len(parts))
		for _, part := range parts {
			value = lbReflect.Append(value, lbDecode(part, want.Elem()))
		}
	case lbReflect.Map:
		value = lbReflect.MakeMap(want)
		if is {
			var pairs [][2]lbJSON.RawMessage
			lbCheck(lbJSON.Unmarshal(inner, &pairs))
			for _, pair := range pairs {
				value.SetMapIndex(lbDecode(pair[0], want.Key()), lbDecode(pair[1], want.Elem()))
			}
			break
		}
		var named map[string]lbJSON.RawMessage
		lbCheck(lbJSON.Unmarshal(raw, &named))
		for key, part := range named {
			value.SetMapIndex(lbReflect.ValueOf(key).Convert(want.Key()), lbDecode(part, want.Elem()))
		}
	case lbReflect.Pointer:
		if string(raw) != "null" {
			value = lbReflect.New(want.Elem())
			value.Elem().Set(lbDecode(raw, want.Elem()))
		}
	case lbReflect.Interface:
		if found := lbAny(raw); found != nil {
			value.Set(lbReflect.ValueOf(found))
		}
	default:
		lbCheck(lbJSON.Unmarshal(raw, value.Addr().Interface()))
	}
	return value
}

// A value for a parameter that takes anything.
func lbAny(raw lbJSON.RawMessage) any {
	if typed, is := lbTypedOf(raw); is {
		switch typed.Kind {
		case "int", "bigint":
			return lbDecode(raw, lbBigInt).Interface()
		case "float":
			return lbDecode(raw, lbReflect.TypeOf(0.0)).Interface()
		case "bytes":
			return lbDecode(raw, lbReflect.TypeOf([]byte(nil))).Interface()
		}
		return lbAny(typed.Value)
	}
	switch raw[0] {
	case '[':
		return lbDecode(raw, lbReflect.TypeOf([]any(nil))).Interface()
	case '{':
		return lbDecode(raw, lbReflect.TypeOf(map[string]any(nil))).Interface()
	case '"':
		return lbText(raw)
	case 't', 'f', 'n':
		var plain any
		lbCheck(lbJSON.Unmarshal(raw, &plain))
		return plain
	}
	if number, err := lbConv.ParseInt(string(raw), 10, 64); err == nil {
		return int(number)
	}
	return lbDecode(raw, lbReflect.TypeOf(0.0)).Interface()
}

func lbQuote(text string) string {
	quoted, err := lbJSON.Marshal(text)
	lbCheck(err)
	return string(quoted)
}

func (e *lbEncoder) typed(kind, content string) {
	e.out.WriteString(`{"$":"` + kind + `","v":` + content + `}`)
}

func (e *lbEncoder) integer(text string, small bool) {
	if small {
		e.out.WriteString(text)
	} else {
		e.typed("int", lbQuote(text))
	}
}

func (e *lbEncoder) float(number float64, bits int) {
	switch {
	case lbMath.IsNaN(number):
		e.typed("float", `"nan"`)
	case lbMath.IsInf(number, 0):
		e.typed("float", map[bool]string{true: `"inf"`, false: `"-inf"`}[number > 0])
	default:
		text := lbConv.FormatFloat(number, 'g', -1, bits)
		if !lbStrings.ContainsAny(text, ".e") {
			text += ".0"
		}
		e.out.WriteString(text)
	}
}

func (e *lbEncoder) list(length int, at func(int) lbReflect.Value, nesting int) {
	e.out.WriteByte('[')
	for i := 0; i < length; i++ {
		if i > 0 {
			e.out.WriteByte(',')
		}
		e.value(at(i), nesting+1)
	}
	e.out.WriteByte(']')
}

func (e *lbEncoder) mapping(value lbReflect.Value, nesting int) {
	keys := value.MapKeys()
	lbSort.Slice(keys, func(a, b int) bool { return lbFmt.Sprint(keys[a]) < lbFmt.Sprint(keys[b]) })
	named := value.Type().Key().Kind() == lbReflect.String
	for _, key := range keys {
		named = named && key.String() != "$" && lbUTF8.ValidString(key.String())
	}
	open, middle, shut := `{"$":"dict","v":[`, ",", "]}"
	if named {
		open, middle, shut = "{", ":", "}"
	}
	e.out.WriteString(open)
	for at, key := range keys {
		if at > 0 {
			e.out.WriteByte(',')
		}
		if !named {
			e.out.WriteByte('[')
		}
		e.value(key, nesting+1)
		e.out.WriteString(middle)
		e.value(value.MapIndex(key), nesting+1)
		if !named {
			e.out.WriteByte(']')
		}
	}
	e.out.WriteString(shut)
}

func (e *lbEncoder) structure(value lbReflect.Value, nesting int) {
	e.out.WriteString(`{"$":"subclass","of":"dict","name":` + lbQuote(value.Type().Name()) + `,"v":{`)
	first := true
	for i := 0; i < value.NumField(); i++ {
		if !value.Type().Field(i).IsExported() {
			continue
		}
		if !first {
			e.out.WriteByte(',')
		}
		first = false
		e.out.WriteString(lbQuote(value.Type().Field(i).Name) + ":")
		e.value(value.Field(i), nesting+1)
	}
	e.out.WriteString("}}")
}

func (e *lbEncoder) value(value lbReflect.Value, nesting int) {
	e.items++
	if nesting > lbMaxNesting || e.items > lbMaxItems || e.out.Len() > lbMaxValueBytes {
		panic(lbOversize{})
	}
	if value.IsValid() && value.Type() == lbBigInt && !value.IsNil() {
		number := value.Interface().(*lbBig.Int)
		if number.BitLen() > lbMaxIntegerBits {
			panic(lbOversize{})
		}
		e.integer(number.String(), number.IsInt64() && number.Int64() <= lbMaxSafeInteger && number.Int64() >= -lbMaxSafeInteger)
		return
	}
	switch value.Kind() {
	case lbReflect.Invalid:
		e.out.WriteString("null")
	case lbReflect.Bool:
		e.out.WriteString(lbConv.FormatBool(value.Bool()))
	case lbReflect.Int, lbReflect.Int8, lbReflect.Int16, lbReflect.Int32, lbReflect.Int64:
		e.integer(lbConv.FormatInt(value.Int(), 10), value.Int() <= lbMaxSafeInteger && value.Int() >= -lbMaxSafeInteger)
	case lbReflect.Uint, lbReflect.Uint8, lbReflect.Uint16, lbReflect.Uint32, lbReflect.Uint64, lbReflect.Uintptr:
		e.integer(lbConv.FormatUint(value.Uint(), 10), value.Uint() <= lbMaxSafeInteger)
	case lbReflect.Float32, lbReflect.Float64:
		e.float(value.Float(), value.Type().Bits())
	case lbReflect.String:
		if lbUTF8.ValidString(value.String()) {
			e.out.WriteString(lbQuote(value.String()))
		} else {
			e.typed("bytes", lbQuote(lbBase64.StdEncoding.EncodeToString([]byte(value.String()))))
		}
	case lbReflect.Slice, lbReflect.Array:
		if value.Kind() == lbReflect.Slice && value.Type().Elem().Kind() == lbReflect.Uint8 {
			e.typed("bytes", lbQuote(lbBase64.StdEncoding.EncodeToString(value.Bytes())))
			return
		}
		e.list(value.Len(), value.Index, nesting)
	case lbReflect.Map:
		e.mapping(value, nesting)
	case lbReflect.Pointer, lbReflect.Interface:
		e.value(value.Elem(), nesting+1)
	case lbReflect.Struct:
		e.structure(value, nesting)
	default:
		e.typed("other", lbQuote(value.Kind().String()))
	}
}

type lbOversize struct{}

func lbEncode(values []lbReflect.Value) (text string) {
	defer func() {
		if caught := recover(); caught != nil {
			text = `{"$":"oversize","v":null}`
		}
	}()
	var e lbEncoder
	switch len(values) {
	case 0:
		return "null"
	case 1:
		e.value(values[0], 0)
	default:
		e.out.WriteString(`{"$":"tuple","v":`)
		e.list(len(values), func(i int) lbReflect.Value { return values[i] }, 0)
		e.out.WriteByte('}')
	}
	return e.out.String()
}

// The arguments as values of the function's types; false where it does not take them.
func lbArguments(function lbReflect.Value, args []lbJSON.RawMessage) (given []lbReflect.Value, takes bool) {
	defer func() {
		if caught := recover(); caught != nil {
			takes = false
		}
	}()
	kind := function.Type()
	fixed := kind.NumIn()
	if kind.IsVariadic() {
		fixed--
	}
	if len(args) < fixed || (len(args) > fixed && !kind.IsVariadic()) {
		return nil, false
	}
	for at, raw := range args {
		if at < fixed {
			given = append(given, lbDecode(raw, kind.In(at)))
		} else {
			given = append(given, lbDecode(raw, kind.In(fixed).Elem()))
		}
	}
	return given, true
}

func lbCall(function lbReflect.Value, given []lbReflect.Value) (values []lbReflect.Value, raised string) {
	defer func() {
		if caught := recover(); caught != nil {
			values, raised = nil, "panic"
		}
	}()
	values = function.Call(given)
	if last := len(values) - 1; last >= 0 && function.Type().Out(last) == lbError {
		if !values[last].IsNil() {
			return nil, "error"
		}
		values = values[:last]
	}
	return values, ""
}

// How a case ended, as the protocol's fields.
func lbObserve(function lbReflect.Value, args []lbJSON.RawMessage, reportArgs bool) string {
	given, takes := lbArguments(function, args)
	if !takes {
		return `,"k":"not_callable","t":"does not take these arguments"`
	}
	values, raised := lbCall(function, given)
	observed := `,"k":"returned","v":`
	if raised != "" {
		observed = `,"k":"raised","t":"` + raised + `","v":["` + raised + `"]`
	} else {
		observed += lbEncode(values)
	}
	if reportArgs {
		var after []string
		for _, value := range given {
			after = append(after, lbEncode([]lbReflect.Value{value}))
		}
		observed += `,"a":[` + lbStrings.Join(after, ",") + "]"
	}
	return observed
}

// lbLeaveWithTheKit ends the process once the kit closes its end of the line, which its death does.
func lbLeaveWithTheKit() {
	line := lbOS.NewFile(lbKitDescriptor, "kit")
	_, _ = line.Read(make([]byte, 1))
	lbOS.Exit(0)
}

func init() {
	go lbLeaveWithTheKit()
	report := lbOS.NewFile(lbReportDescriptor, "report")
	text, err := lbOS.ReadFile("/build/job.json")
	lbCheck(err)
	var job lbJob
	lbCheck(lbJSON.Unmarshal(text, &job))
	send := func(fields string) {
		_, err := report.WriteString(`{"n":` + lbQuote(job.Nonce) + fields + "}\n")
		lbCheck(err)
	}
	send(`,"e":"loaded"`)
	for _, test := range job.Cases {
		function := lbReflect.ValueOf(lanebenchTable[test.Call])
		send(`,"e":"case","i":` + lbConv.Itoa(test.I) + lbObserve(function, test.Args, test.ReportArgs))
	}
	send(`,"e":"done"`)
	lbOS.Exit(0)
}

package mesosjson

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// state is one pass over one text.
type state struct {
	data     []byte
	i        int // the next byte to look at
	depth    int
	elements int
	limits   Limits

	arena   strings.Builder // current block of decoded strings
	scratch []byte          // the last string that was not verbatim in data

	incomplete bool     // a required field was missing somewhere
	missing    *missing // collects which ones, in the pass that explains
}

// document reads the whole text as one value into v. With a nil root it only
// checks the syntax.
func (s *state) document(root decodeFunc, v reflect.Value) *Error {
	s.blanks()
	if root == nil {
		if err := s.skip(); err != nil {
			return err
		}
	} else if _, err := root(s, v); err != nil {
		return err
	}
	s.blanks()
	if s.i < len(s.data) {
		return s.syntax()
	}
	return nil
}

// syntax is the refusal of the byte at the current position, or of the end of
// the text if there is none.
func (s *state) syntax() *Error {
	at := min(s.i, len(s.data))
	near, _, _ := bytes.Cut(s.data[at:], []byte{'\n'})
	const enough = 80
	if len(near) > enough {
		near = near[:enough]
	}
	return &Error{Kind: Syntax, Text: fmt.Sprintf("syntax error at line %d near: %s",
		1+bytes.Count(s.data[:at], []byte{'\n'}), strings.ToValidUTF8(string(near), "\uFFFD"))}
}

func (s *state) blanks() {
	for s.i < len(s.data) {
		switch s.data[s.i] {
		case ' ', '\t', '\r', '\n':
			s.i++
		default:
			return
		}
	}
}

// peek skips white space and returns the first byte of what follows, or 0 at
// the end of the text. A zero byte in the text is as wrong as the end.
func (s *state) peek() byte {
	if s.i < len(s.data) {
		if c := s.data[s.i]; c > ' ' {
			return c
		}
	}
	s.blanks()
	if s.i < len(s.data) {
		return s.data[s.i]
	}
	return 0
}

// enter and leave keep the depth of nesting.
func (s *state) enter() *Error {
	s.i++
	s.depth++
	if s.depth > s.limits.Depth {
		return limitf("nested deeper than %d levels", s.limits.Depth)
	}
	return nil
}

func (s *state) leave() {
	s.i++
	s.depth--
}

// element counts one array element or object member.
func (s *state) element() *Error {
	s.elements++
	if s.elements > s.limits.Elements {
		return limitf("more than %d elements", s.limits.Elements)
	}
	return nil
}

// next is called behind an element. It reports whether another one follows;
// if not, the closing bracket has been passed.
func (s *state) next(closing byte) (bool, *Error) {
	switch s.peek() {
	case ',':
		s.i++
		return true, nil
	case closing:
		s.leave()
		return false, nil
	default:
		return false, s.syntax()
	}
}

// open passes the opening bracket and reports whether there is an element.
func (s *state) open(closing byte) (bool, *Error) {
	if err := s.enter(); err != nil {
		return false, err
	}
	if s.peek() == closing {
		s.leave()
		return false, nil
	}
	return true, nil
}

// key reads the name of a member and the colon behind it.
func (s *state) key() ([]byte, *Error) {
	if s.peek() != '"' {
		return nil, s.syntax()
	}
	if err := s.element(); err != nil {
		return nil, err
	}
	name, err := s.text()
	if err != nil {
		return nil, err
	}
	if s.peek() != ':' {
		return nil, s.syntax()
	}
	s.i++
	return name, nil
}

// literal passes one of the words true, false and null.
func (s *state) literal(word string) *Error {
	if end := s.i + len(word); end <= len(s.data) && string(s.data[s.i:end]) == word {
		s.i = end
		return nil
	}
	return s.syntax()
}

// text reads a string at its opening quote. The result is only valid until
// the next call.
func (s *state) text() ([]byte, *Error) {
	start := s.i + 1
	for i := start; i < len(s.data); i++ {
		switch c := s.data[i]; {
		case c == '"':
			s.i = i + 1
			return s.data[start:i], nil
		case c < ' ':
			s.i = i
			return nil, s.syntax()
		case c == '\\' || c >= utf8.RuneSelf:
			return s.unusualText(start, i)
		}
	}
	s.i = len(s.data)
	return nil, s.syntax()
}

// unusualText continues text from i on, where the first escape or non-ASCII
// byte is. Bytes that are not UTF-8 and halves of surrogate pairs become
// U+FFFD.
func (s *state) unusualText(start, i int) ([]byte, *Error) {
	out := append(s.scratch[:0], s.data[start:i]...)
	for i < len(s.data) {
		switch c := s.data[i]; {
		case c == '"':
			s.i = i + 1
			s.scratch = out
			return out, nil
		case c < ' ':
			s.i = i
			return nil, s.syntax()
		case c == '\\':
			s.i = i
			r, width := s.escape()
			if width == 0 {
				return nil, s.syntax()
			}
			out = utf8.AppendRune(out, r)
			i += width
		case c < utf8.RuneSelf:
			out = append(out, c)
			i++
		default:
			r, width := utf8.DecodeRune(s.data[i:])
			out = utf8.AppendRune(out, r)
			i += width
		}
	}
	s.i = len(s.data)
	return nil, s.syntax()
}

// escape reads the escape at the current position. Its width is 0 if it is
// malformed.
func (s *state) escape() (r rune, width int) {
	rest := s.data[s.i:]
	if len(rest) < 2 {
		return 0, 0
	}
	switch rest[1] {
	case '"', '\\', '/':
		return rune(rest[1]), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		high, ok := hex4(rest[2:])
		if !ok {
			return 0, 0
		}
		if !utf16.IsSurrogate(high) {
			return high, 6
		}
		if len(rest) >= 12 && rest[6] == '\\' && rest[7] == 'u' {
			if low, ok := hex4(rest[8:]); ok {
				if pair := utf16.DecodeRune(high, low); pair != utf8.RuneError {
					return pair, 12
				}
			}
		}
		return utf8.RuneError, 6
	}
	return 0, 0
}

func hex4(digits []byte) (rune, bool) {
	if len(digits) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range digits[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// Decoded strings share blocks of memory, so that a call with a hundred tasks
// does not make a thousand small allocations. A block is small enough that
// one string kept from it does not hold on to much.
const (
	arenaBlock   = 2048
	arenaLargest = 256
)

// keep copies b into a string of its own.
func (s *state) keep(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if len(b) > arenaLargest {
		return string(b)
	}
	if s.arena.Cap()-s.arena.Len() < len(b) {
		// The rest of the text cannot need more than its own length, plus
		// what has already been read of it.
		s.arena = strings.Builder{}
		s.arena.Grow(min(arenaBlock, len(b)+len(s.data)-s.i))
	}
	// A Builder never writes to bytes it has handed out, and within its
	// capacity it never moves them.
	start := s.arena.Len()
	s.arena.Write(b)
	return s.arena.String()[start:]
}

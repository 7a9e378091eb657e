package mesosjson

// skip passes one value of any kind and checks its syntax.
func (s *state) skip() *Error {
	switch c := s.peek(); {
	case c == '{':
		return s.skipObject()
	case c == '[':
		return s.skipArray()
	case c == '"':
		_, err := s.text()
		return err
	case c == 't':
		return s.literal("true")
	case c == 'f':
		return s.literal("false")
	case c == 'n':
		return s.literal("null")
	default:
		_, err := s.number()
		return err
	}
}

func (s *state) skipObject() *Error {
	more, err := s.open('}')
	for more && err == nil {
		if _, err = s.key(); err != nil {
			return err
		}
		if err = s.skip(); err != nil {
			return err
		}
		more, err = s.next('}')
	}
	return err
}

func (s *state) skipArray() *Error {
	more, err := s.open(']')
	for more && err == nil {
		if err = s.element(); err != nil {
			return err
		}
		if err = s.skip(); err != nil {
			return err
		}
		more, err = s.next(']')
	}
	return err
}

// number passes a number and returns its text.
func (s *state) number() ([]byte, *Error) {
	start := s.i
	end, ok := numberEnd(s.data, start)
	s.i = end
	if !ok {
		return nil, s.syntax()
	}
	return s.data[start:end], nil
}

// numberEnd finds the end of the number that begins at i. If there is none, it
// returns the position of the first byte that does not fit.
func numberEnd(data []byte, i int) (end int, ok bool) {
	digits := func() bool {
		start := i
		for i < len(data) && '0' <= data[i] && data[i] <= '9' {
			i++
		}
		return i > start
	}
	at := func(c byte) bool { return i < len(data) && data[i] == c }
	if at('-') {
		i++
	}
	if at('0') {
		i++
	} else if !digits() {
		return i, false
	}
	if at('.') {
		i++
		if !digits() {
			return i, false
		}
	}
	if at('e') || at('E') {
		i++
		if at('+') || at('-') {
			i++
		}
		if !digits() {
			return i, false
		}
	}
	return i, true
}

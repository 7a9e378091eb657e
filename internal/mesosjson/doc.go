// Package mesosjson reads and writes the JSON of the Mesos v1 API.
//
// Mesos converts request bodies to protobuf messages by rules that are wider
// than encoding/json's in some places and narrower in others. Existing
// frameworks depend on them, so a Decoder follows them:
//
//   - member names are matched exactly; unknown members are ignored;
//   - null means absent, also as an element of an array;
//   - numbers and booleans may be written inside strings ("8080", "true");
//     floating-point fields also take "Infinity" and "-Infinity";
//   - any number is good for an integer field and is truncated (3.6e+06, 1.5);
//     a negative one wraps around in an unsigned field, one too large for the
//     field is refused;
//   - a single value stands for a repeated field with one element, and arrays
//     inside the array of a repeated field are flattened;
//   - an unknown name of an enum leaves the field unset;
//   - bytes are base64 in the standard alphabet; white space and missing
//     padding are accepted;
//   - of members with the same name the last one wins;
//   - a number for a string, bytes, bool or enum, a scalar for a message, an
//     object for a scalar and an array for a singular field are errors;
//   - a message in which a required field is missing, at any depth, is
//     refused with the paths of all of them.
//
// The Go types are the schema. They have the shape that oapi-codegen gives to
// the specifications under openapi/:
//
//   - a field without omitempty in its json tag is required, unless it is
//     tagged `mesos:"optional"`;
//   - an optional scalar or message is a pointer;
//   - repeated fields are slices, maps have string keys, bytes are []byte;
//   - an enum is a named string type with a method Valid() bool;
//   - `default:"…"` is an explicit default of the v1 API. It is stored when
//     the enclosing message is present and the field is absent, because Mesos
//     writes such fields out again.
//
// Reading is done in one pass over the text with a plan that is compiled once
// for a type. Errors are worked out afterwards, in further passes, so that
// well-formed input never pays for them.
package mesosjson

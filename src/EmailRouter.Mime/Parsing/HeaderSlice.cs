namespace EmailRouter.Mime.Parsing;

/// <summary>Where one header field stands.</summary>
/// <param name="Start">Its first byte, which is the name's.</param>
/// <param name="NameLength">The length of the name; 0 for a line without colon.</param>
/// <param name="ValueStart">The byte after the colon.</param>
/// <param name="ValueEnd">The end of the value, before its last line end; earlier when the value is too long.</param>
/// <param name="End">The start of the next line.</param>
/// <param name="IsValid">Whether the name is one.</param>
internal readonly record struct HeaderSlice(int Start, int NameLength, int ValueStart, int ValueEnd, int End, bool IsValid);

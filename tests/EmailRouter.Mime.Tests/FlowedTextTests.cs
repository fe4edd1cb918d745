namespace EmailRouter.Mime.Tests;

public sealed class FlowedTextTests
{
    [Theory]
    [InlineData("one \r\ntwo\r\nthree\r\n", "one two\r\nthree\r\n")]
    [InlineData("one \ntwo", "one two")]
    [InlineData("> a \r\n> b\r\n>> c \r\n> d\r\n", "> a b\r\n>> c \r\n> d\r\n")]
    [InlineData("a \r\n> b\r\n", "a \r\n> b\r\n")]
    [InlineData("text \r\n-- \r\nAnn\r\n", "text \r\n-- \r\nAnn\r\n")]
    [InlineData(" >not quoted\r\n  two\r\n From x\r\n", ">not quoted\r\n two\r\nFrom x\r\n")]
    [InlineData(">\r\n>\r\n", ">\r\n>\r\n")]
    [InlineData("", "")]
    [InlineData("\r\n\r\n", "\r\n\r\n")]
    public void Flowed_lines_are_joined(string text, string expected) => Assert.Equal(expected, FlowedText.Unwrap(text));

    [Fact]
    public void Delsp_takes_the_space_away() => Assert.Equal("日本語\r\n", FlowedText.Unwrap("日本 \r\n語\r\n", deleteSpace: true));

    [Theory]
    [InlineData("text/plain; format=flowed", "a b")]
    [InlineData("text/plain; Format=\"Flowed\"; DelSp=Yes", "ab")]
    [InlineData("text/plain; format=fixed", "a \r\nb")]
    [InlineData("text/html; format=flowed", "a \r\nb")]
    public void The_content_type_decides(string type, string expected) =>
        Assert.Equal(expected, FlowedText.GetText(Mail.ParseLines($"Content-Type: {type}\n\na \nb").Root));

    [Fact]
    public void Long_text_is_read_in_linear_time()
    {
        string text = string.Concat(Enumerable.Repeat("> a \r\n", 200_000));

        Assert.Equal(200_000 * 2 + 2, FlowedText.Unwrap(text).Length);
    }
}

namespace EmailRouter.Mime.Tests;

public sealed class HeaderListTests
{
    private static readonly HeaderList Headers = Mail.Parse("Received: one\r\nSubject: =?utf-8?Q?=C3=BC?=\r\nRECEIVED: two\r\n three\r\n\r\n").Headers;

    [Fact]
    public void Order_and_duplicates_are_kept()
    {
        Assert.Equal(["Received", "Subject", "RECEIVED"], Headers.Select(header => header.Name));
        Assert.Equal(["one", "two three"], Headers.GetAll("received"));
        Assert.Equal("one", Headers["Received"]);
        Assert.Equal(3, Headers.Count);
    }

    [Fact]
    public void Missing_headers_are_null()
    {
        Assert.Null(Headers["X"]);
        Assert.Empty(Headers.GetAll("X"));
        Assert.False(Headers.Contains("X"));
        Assert.False(Headers.TryGet("X", out _));
    }

    [Fact]
    public void The_bytes_of_a_header_are_at_hand()
    {
        Assert.True(Headers.TryGet("subject", out Header header));
        Assert.Equal(" =?utf-8?Q?=C3=BC?=", header.RawValue.Text());
        Assert.Equal("Subject: =?utf-8?Q?=C3=BC?=\r\n", header.Raw.Text());
        Assert.Equal("Subject: ü", header.ToString());
        Assert.Equal(" two\r\n three", Headers[2].RawValue.Text());
    }

    [Fact]
    public void A_value_is_decoded_once() => Assert.Same(Headers["Subject"], Headers["Subject"]);

    [Fact]
    public void Indexes_are_checked() => Assert.Throws<ArgumentOutOfRangeException>(() => Headers[3]);
}

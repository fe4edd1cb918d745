namespace EmailRouter.Mime.Tests;

public sealed class MessageIdsTests
{
    [Theory]
    [InlineData("<a@x>", "<a@x>")]
    [InlineData("<a@x> <b@y>", "<a@x>", "<b@y>")]
    [InlineData("<a@x><b@y>,<a@x>", "<a@x>", "<b@y>")]
    [InlineData("Your message of Monday <a@x> (comment)", "<a@x>")]
    [InlineData("<a@@x>", "<a@@x>")]
    [InlineData("<a b@x>", "<a b@x>")]
    [InlineData("<a@x <b@y>", "<a@x", "<b@y>")]
    [InlineData("<a@x", "<a@x")]
    [InlineData("a@x b@y", "a@x", "b@y")]
    [InlineData("no ids at all")]
    [InlineData("<>")]
    [InlineData("")]
    [InlineData(null)]
    public void Lists_of_ids_are_read(string? text, params string[] ids) => Assert.Equal(ids, MessageIds.ParseList(text));

    [Theory]
    [InlineData(" <a@x> ", "<a@x>")]
    [InlineData("rubbish <a@x> more", "<a@x>")]
    [InlineData("a@x", "a@x")]
    [InlineData("<a@x", "<a@x")]
    [InlineData("<>", "<>")]
    [InlineData("no id", "no id")]
    [InlineData("  ", null)]
    [InlineData(null, null)]
    public void A_single_id_is_kept_as_it_was_sent(string? text, string? id) => Assert.Equal(id, MessageIds.ParseSingle(text));

    [Fact]
    public void A_folded_message_id_is_read() => Assert.Equal("<a@x>", Mail.Parse("Message-Id:\r\n\t<a@x>\r\n\r\n").MessageId);

    [Fact]
    public void New_ids_sort_by_time_and_repeat_with_their_randomness()
    {
        var clock = new FixedClock(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));
        string first = MessageIds.Generate("router.example.com", clock, static bytes => bytes.Fill(0xAB));
        string later = MessageIds.Generate("router.example.com", new FixedClock(clock.GetUtcNow().AddMilliseconds(1)), static bytes => bytes.Clear());

        Assert.Equal("<019b7ca98c88.abababababababababababababababab@router.example.com>", first);
        Assert.True(string.CompareOrdinal(first, later) < 0);
        Assert.True(MessageIds.IsWritable(first));
        Assert.NotEqual(MessageIds.Generate("a.example", clock), MessageIds.Generate("a.example", clock));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("bücher.example")]
    [InlineData("x>\r\nBcc: y")]
    public void New_ids_need_a_domain(string domain) => Assert.Throws<ArgumentException>(() => MessageIds.Generate(domain, TimeProvider.System));

    [Theory]
    [InlineData("<a@x>", true)]
    [InlineData("a@x", false)]
    [InlineData("<a b@x>", false)]
    [InlineData("<a@x\r\n>", false)]
    [InlineData("<ä@x>", false)]
    [InlineData("<a<b@x>", false)]
    [InlineData("<>", false)]
    [InlineData(null, false)]
    public void Ids_are_checked_before_they_are_written(string? id, bool isWritable) => Assert.Equal(isWritable, MessageIds.IsWritable(id));

    [Fact]
    public void The_references_of_a_reply_follow_the_standard()
    {
        Assert.Equal(["<a@x>", "<b@x>", "<c@x>"], MessageIds.ReferencesForReply(["<a@x>", "<b@x>"], ["<b@x>"], "<c@x>"));
        Assert.Equal(["<b@x>", "<c@x>"], MessageIds.ReferencesForReply([], ["<b@x>"], "<c@x>"));
        Assert.Equal(["<c@x>"], MessageIds.ReferencesForReply([], ["<a@x>", "<b@x>"], "<c@x>"));
        Assert.Equal(["<b@x>"], MessageIds.ReferencesForReply([], ["<b@x>"], null));
    }

    [Fact]
    public void A_long_thread_keeps_its_first_id_and_the_last_twenty()
    {
        IReadOnlyList<string> references = MessageIds.ReferencesForReply([.. Enumerable.Range(0, 50).Select(i => $"<{i}@x>")], [], "<new@x>");

        Assert.Equal(21, references.Count);
        Assert.Equal("<0@x>", references[0]);
        Assert.Equal("<31@x>", references[1]);
        Assert.Equal("<new@x>", references[^1]);
    }

    private sealed class FixedClock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}

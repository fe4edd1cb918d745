using System.Text;
using EmailRouter.Mime;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Rules;

namespace EmailRouter.Routing.Tests.Rules;

public sealed class ProbeMarkTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly ProbeMark marks;

    public ProbeMarkTests() => marks = new ProbeMark(SecretProtector.For(folder["emailrouter.json"]));

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_mark_is_known_again_also_when_its_line_was_folded()
    {
        var id = Guid.NewGuid();
        string mark = marks.Make(id);

        Assert.Equal(id, marks.Read(Message($"X-EmailRouter-Probe: {mark}")));
        Assert.Equal(id, marks.Read(Message($"x-emailrouter-probe: {mark[..40]}\r\n {mark[40..]}")));
    }

    [Fact]
    public void A_mark_of_somebody_else_is_none()
    {
        using var other = new TemporaryFolder();
        string foreign = new ProbeMark(SecretProtector.For(other["emailrouter.json"])).Make(Guid.NewGuid());
        string secret = SecretProtector.For(folder["emailrouter.json"]).Protect("Passw0rd");
        string own = marks.Make(Guid.NewGuid());

        foreach (string mark in new[] { foreign, secret, string.Empty, "aesgcm1:", "aesgcm1:AAAA", own[..^4], own + "AAAA", new string('a', 5000) })
            Assert.False(marks.IsOn(Message($"X-EmailRouter-Probe: {mark}")), mark);
        Assert.False(marks.IsOn(Message("Subject: hello")));
    }

    private static MimeMessage Message(string header) => MimeMessage.Parse(Encoding.ASCII.GetBytes($"From: a@example.test\r\n{header}\r\n\r\nx\r\n"));
}

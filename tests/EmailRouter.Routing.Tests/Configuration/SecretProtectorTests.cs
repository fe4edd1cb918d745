using EmailRouter.Routing.Configuration;

namespace EmailRouter.Routing.Tests.Configuration;

public sealed class SecretProtectorTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private string KeyFile => folder["emailrouter.key"];

    private AesGcmSecretProtector Aes => new(KeyFile, "test");

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("Passw0rd")]
    [InlineData("")]
    [InlineData("pässwörd 日本語 😀 with \0 and \n")]
    public void A_secret_comes_back_as_it_was(string secret)
    {
        ISecretProtector protector = SecretProtector.For(folder["emailrouter.json"]);

        string text = protector.Protect(secret);

        Assert.Equal(secret, protector.Unprotect(text));
        Assert.StartsWith(OperatingSystem.IsWindows() ? "dpapi1:" : "aesgcm1:", text, StringComparison.Ordinal);
        Assert.True(SecretProtector.IsProtected(text));
        Assert.DoesNotContain("Passw0rd", text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_secret_never_gives_the_same_text() => Assert.NotEqual(Aes.Protect("Passw0rd"), Aes.Protect("Passw0rd"));

    [Fact]
    public void The_key_lies_next_to_the_configuration_and_only_its_owner_can_read_it()
    {
        if (OperatingSystem.IsWindows())
            return;
        SecretProtector.For(folder["sub/emailrouter.json"]).Protect("Passw0rd");

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(folder["sub/emailrouter.key"]));
        Assert.Equal(32, new FileInfo(folder["sub/emailrouter.key"]).Length);
        Assert.Single(Directory.GetFiles(folder["sub"]));
    }

    [Theory]
    [InlineData(UnixFileMode.GroupRead)]
    [InlineData(UnixFileMode.OtherRead)]
    [InlineData(UnixFileMode.GroupWrite)]
    public void A_key_that_others_can_read_or_write_is_refused(UnixFileMode mode)
    {
        if (OperatingSystem.IsWindows())
            return;
        string text = Aes.Protect("Passw0rd");
        File.SetUnixFileMode(KeyFile, UnixFileMode.UserRead | UnixFileMode.UserWrite | mode);

        foreach (Action use in (Action[])[() => Aes.Unprotect(text), () => Aes.Protect("other")])
        {
            RouterException e = Assert.Throws<RouterException>(use);
            Assert.Equal("RouterKeyFileExposed", e.Error.ErrorId);
            Assert.Contains($"chmod 600 '{KeyFile}'", e.Error.Remedy, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_text_of_another_key_is_refused_without_showing_it()
    {
        string text = Aes.Protect("Passw0rd");
        File.Delete(KeyFile);
        Aes.Protect("makes a new key");

        RouterException e = Assert.Throws<RouterException>(() => Aes.Unprotect(text));

        Assert.Equal("RouterSecretUnreadable", e.Error.ErrorId);
        Assert.DoesNotContain(text["aesgcm1:".Length..], e.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_text_made_for_another_purpose_is_refused()
    {
        string text = Aes.Protect("Passw0rd");

        RouterException e = Assert.Throws<RouterException>(() => new AesGcmSecretProtector(KeyFile, "other").Unprotect(text));

        Assert.Equal("RouterSecretUnreadable", e.Error.ErrorId);
    }

    [Fact]
    public void An_altered_text_is_refused_wherever_it_was_altered()
    {
        byte[] box = Convert.FromBase64String(Aes.Protect("Passw0rd")["aesgcm1:".Length..]);
        for (int i = 0; i < box.Length; i++)
        {
            byte[] altered = [.. box];
            altered[i] ^= 1;
            Assert.Throws<RouterException>(() => Aes.Unprotect("aesgcm1:" + Convert.ToBase64String(altered)));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("Passw0rd")]
    [InlineData("aesgcm1:")]
    [InlineData("aesgcm1:AAAA")]
    [InlineData("aesgcm1:not base64")]
    [InlineData("aesgcm2:AAAA")]
    [InlineData("dpapi1:AAAA")]
    public void A_text_of_another_form_is_refused(string text)
    {
        Aes.Protect("makes the key");

        RouterException e = Assert.Throws<RouterException>(() => Aes.Unprotect(text));

        Assert.Equal("RouterSecretUnreadable", e.Error.ErrorId);
        Assert.DoesNotContain("Passw0rd", e.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_key_is_reported_and_not_replaced()
    {
        string text = Aes.Protect("Passw0rd");
        File.Delete(KeyFile);

        RouterException e = Assert.Throws<RouterException>(() => Aes.Unprotect(text));

        Assert.Equal("RouterKeyFileUnusable", e.Error.ErrorId);
        Assert.False(File.Exists(KeyFile));
    }

    [Fact]
    public void A_key_of_the_wrong_size_is_reported()
    {
        if (OperatingSystem.IsWindows())
            return;
        Aes.Protect("makes the key");
        File.WriteAllBytes(KeyFile, new byte[31]);

        Assert.Equal("RouterKeyFileUnusable", Assert.Throws<RouterException>(() => Aes.Protect("Passw0rd")).Error.ErrorId);
    }

    [Fact]
    public async Task Several_that_make_the_key_at_once_agree_on_one()
    {
        string[] texts = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => Task.Run(() => Aes.Protect($"secret {i}"))));

        Assert.Equal(Enumerable.Range(0, 16).Select(i => $"secret {i}"), texts.Select(Aes.Unprotect));
    }
}

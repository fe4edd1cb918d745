using System.Security.Cryptography;
using System.Text;
using EmailRouter.Mail.Net.Sasl;

namespace EmailRouter.Mail.Tests.Net.Sasl;

public sealed class SaslScramTests
{
    private const string ServerFirst1 = "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096";
    private const string ServerFirst256 = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    /// <summary>The examples of RFC 5802 5 and RFC 7677 3.</summary>
    [Theory]
    [InlineData("SHA1", "fyko+d2lbbFgONRv9qkxdawL", ServerFirst1, "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", "rmF9pqV8S7suAoZWja4dJRkFsKQ=", "SCRAM-SHA-1")]
    [InlineData("SHA256", "rOprNGfwEbeRWgbNEkqO", ServerFirst256, "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", "SCRAM-SHA-256")]
    public async Task The_examples_of_the_specifications_are_met(string hash, string nonce, string first, string proof, string signature, string name)
    {
        var scram = new SaslScram(new HashAlgorithmName(hash), "user", "pencil") { Nonce = nonce };

        Assert.Equal(name, scram.Name);
        Assert.Equal($"n,,n=user,r={nonce}", await StartAsync(scram));
        Assert.Equal($"c=biws,{first.Split(',')[0]},p={proof}", await SayAsync(scram, first));
        Assert.False(scram.IsComplete);
        Assert.Equal(string.Empty, await SayAsync(scram, "v=" + signature));
        Assert.True(scram.IsComplete);
        Assert.Null(scram.Refutation);
    }

    [Theory]
    [InlineData("v=rmF9pqV8S7suAoZWja4dJRkFsKA=", "signature")]
    [InlineData("v=", "signature")]
    [InlineData("welcome", "signature")]
    [InlineData("", "signature")]
    public async Task A_server_that_does_not_know_the_password_is_found_out(string final, string why)
    {
        SaslScram scram = Example();
        await StartAsync(scram);
        await SayAsync(scram, ServerFirst1);

        Assert.Null(await SayAsync(scram, final));

        Assert.False(scram.IsComplete);
        Assert.Contains(why, scram.Refutation, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("r=other,s=QSXCR+Q6sek8bf92,i=4096", "nonce")]
    [InlineData("r=fyko+d2lbbFgONRv9qkxdawL,s=QSXCR+Q6sek8bf92,i=4096", "nonce")]
    [InlineData("r=fyko+d2lbbFgONRv9qkxdawLx,s=,i=4096", "salt")]
    [InlineData("r=fyko+d2lbbFgONRv9qkxdawLx,s=?,i=4096", "salt")]
    [InlineData("r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92", "iteration count")]
    [InlineData("r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=-1", "iteration count")]
    [InlineData("r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=100", "easy to guess")]
    [InlineData("r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=2000000000", "are the most")]
    [InlineData("m=new,r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=4096", "extension")]
    public async Task A_first_message_that_breaks_the_rules_ends_the_exchange(string first, string why)
    {
        SaslScram scram = Example();
        await StartAsync(scram);

        Assert.Null(await SayAsync(scram, first));

        Assert.Contains(why, scram.Refutation, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("e=invalid-proof")]
    [InlineData("e=unknown-user,x=y")]
    public async Task A_refusal_of_the_server_is_no_refutation(string final)
    {
        SaslScram scram = Example();
        await StartAsync(scram);
        await SayAsync(scram, ServerFirst1);

        Assert.Equal(string.Empty, await SayAsync(scram, final));

        Assert.Null(scram.Refutation);
        Assert.StartsWith(scram.Explanation, final[2..], StringComparison.Ordinal);
        Assert.False(scram.IsComplete);
    }

    [Fact]
    public async Task A_server_that_ignores_the_initial_response_gets_it_once_more()
    {
        SaslScram scram = Example();
        string? first = await StartAsync(scram);

        Assert.Equal(first, await SayAsync(scram, string.Empty));
        Assert.NotNull(await SayAsync(scram, ServerFirst1));
    }

    [Fact]
    public async Task The_plus_variant_binds_to_the_certificate_and_the_header_is_repeated()
    {
        byte[] binding = [1, 2, 3];
        var scram = new SaslScram(HashAlgorithmName.SHA256, "us=er,", "pencil", "boss", ScramBinding.EndPoint, binding) { Nonce = "abc" };

        Assert.Equal("SCRAM-SHA-256-PLUS", scram.Name);
        Assert.Equal("p=tls-server-end-point,a=boss,n=us=3Der=2C,r=abc", await StartAsync(scram));
        string final = (await SayAsync(scram, "r=abcd,s=QSXCR+Q6sek8bf92,i=4096"))!;
        byte[] bound = Convert.FromBase64String(final[2..final.IndexOf(",r=", StringComparison.Ordinal)]);
        Assert.Equal([.. "p=tls-server-end-point,a=boss,"u8, .. binding], bound);
    }

    [Fact]
    public async Task A_client_that_could_bind_says_so_when_the_server_seems_not_to()
    {
        var scram = new SaslScram(HashAlgorithmName.SHA256, "user", "pencil", null, ScramBinding.NotOffered) { Nonce = "abc" };

        Assert.Equal("y,,n=user,r=abc", await StartAsync(scram));
    }

    private static SaslScram Example() => new(HashAlgorithmName.SHA1, "user", "pencil") { Nonce = "fyko+d2lbbFgONRv9qkxdawL" };

    private static async Task<string?> StartAsync(SaslScram scram) => Encoding.UTF8.GetString((await scram.StartAsync(default))!);

    private static async Task<string?> SayAsync(SaslScram scram, string text) =>
        await scram.RespondAsync(Encoding.UTF8.GetBytes(text), default) is { } answer ? Encoding.UTF8.GetString(answer) : null;
}

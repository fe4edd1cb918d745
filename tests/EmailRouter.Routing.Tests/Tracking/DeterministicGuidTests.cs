using EmailRouter.Routing.Tracking;

namespace EmailRouter.Routing.Tests.Tracking;

public sealed class DeterministicGuidTests
{
    private static readonly Guid dns = new("6ba7b810-9dad-11d1-80b4-00c04fd430c8");

    // RFC 9562 appendix A.4.
    [Fact]
    public void The_test_vector_of_the_rfc_is_met() =>
        Assert.Equal(new Guid("2ed6657d-e927-568b-95e1-2665a8aea6a2"), DeterministicGuid.CreateV5(dns, "www.example.com"));

    [Theory]
    [InlineData("")]
    [InlineData("a")]
    [InlineData("Größe \u4F60\u597D")]
    public void Version_and_variant_are_set(string name)
    {
        string text = DeterministicGuid.CreateV5(dns, name).ToString();

        Assert.Equal('5', text[14]);
        Assert.Contains(text[19], "89ab");
    }

    [Fact]
    public void Another_namespace_gives_another_id() =>
        Assert.NotEqual(DeterministicGuid.CreateV5(dns, "a"), DeterministicGuid.CreateV5(Guid.Empty, "a"));
}

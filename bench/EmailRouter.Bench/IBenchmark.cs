namespace EmailRouter.Bench;

/// <summary>One thing that is measured, beside something a user would pick instead, in one run.</summary>
internal interface IBenchmark
{
    /// <summary>Gets the word that selects it on the command line.</summary>
    string Name { get; }

    /// <summary>Gets what it measures and its options, on one line.</summary>
    string Summary { get; }

    /// <summary>Measures and prints.</summary>
    /// <param name="args">What follows the name on the command line.</param>
    /// <param name="cancellationToken">Stops the measuring.</param>
    /// <returns>The exit code of the program.</returns>
    Task<int> RunAsync(string[] args, CancellationToken cancellationToken);
}

using EmailRouter.Lab;

return await LabProgram.RunAsync(args, Console.Out, Console.Error, CancellationToken.None);
